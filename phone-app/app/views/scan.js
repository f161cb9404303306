/** QRコードを読み取る: the camera's picture, and what to do where there is none. */

import { openCamera } from "../camera.js";
import { readLink } from "../pasted.js";
import { inFours } from "../texts.js";
import { h, sign } from "./dom.js";

/** @typedef {import("../app.js").App} App */

/**
 * The page that reads a QR code; what it reads stands in the form of the set-up afterwards.
 * @param {App} app
 * @returns {import("../app.js").View}
 */
export function scanView(app) {
  const { texts, config, draft } = app;
  const video = h("video", { class: "camera", playsinline: true, muted: true, "aria-label": texts.of("app-scan-picture") });
  const message = h("div", { class: "message", role: "alert", hidden: true });
  const state = h("p", { role: "status" }, texts.of("app-scan-open"));
  let isLeft = false;
  /** @type {import("../camera.js").Camera | null} */
  let camera = null;

  /** @param {string} text */
  const say = (text) => {
    message.replaceChildren(sign(), h("p", {}, text));
    message.hidden = false;
  };
  /** @param {string} text */
  const take = (text) => {
    const found = readLink(text);
    if (found === null || found.qrSecret === null || found.serviceId !== config.institution.service_id) {
      say(texts.of("app-scan-other"));
      return;
    }
    leave();
    const { serviceId, userId, qrSecret } = found;
    Object.assign(draft, { serviceId: inFours(serviceId), userId: inFours(userId), link: { serviceId, userId, qrSecret } });
    app.replace({ name: "set-up" });
  };
  const open = async () => {
    try {
      const opened = await openCamera(video, take);
      if (isLeft) {
        opened.stop();
        return;
      }
      camera = opened;
      state.textContent = texts.of("app-scan-lead");
    } catch {
      state.textContent = "";
      video.hidden = true;
      say(texts.of("app-scan-denied"));
    }
  };
  const leave = () => {
    isLeft = true;
    camera?.stop();
  };
  void open();
  const node = h(
    "div",
    {},
    h("h1", { tabindex: -1 }, texts.of("app-scan")),
    state,
    message,
    video,
    h("button", { type: "button", class: "secondary", click: () => app.replace({ name: "set-up" }) }, texts.of("app-scan-type")),
  );
  return { node, leave };
}
