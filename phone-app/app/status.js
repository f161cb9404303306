/** Asks the server how the phone's tokens stand, each question signed by the token's own key. */

import { sign } from "./keys.js";
import { statusMessage } from "./protocol.js";
import { ask } from "./server.js";
import { changeToken, loadTokens } from "./storage.js";

/**
 * Asks for every token that is not over yet, and keeps what is new; gives whether anything was.
 * A token that the server does not know by its key stays as it is: a wrong word must not take a good token away.
 * @param {import("./clock.js").Clock} clock
 * @param {typeof globalThis.fetch} fetch
 * @returns {Promise<boolean>}
 */
export async function checkTokens(clock, fetch) {
  let isNew = false;
  for (const token of (await loadTokens()).filter(({ state }) => !isOver(state))) {
    try {
      const at = Math.round(clock.now());
      const signature = await sign(token.deviceKey.privateKey, statusMessage(token.tokenId, at));
      const path = `/phone/v1/tokens/${encodeURIComponent(token.tokenId)}`;
      const { state, stopped } = /** @type {{state: unknown, stopped: unknown}} */ (await ask(fetch, path, { at, signature }));
      const isStopped = stopped === true;
      if (typeof state === "string" && (state !== token.state || isStopped !== (token.isStopped ?? false))) {
        await changeToken(token.tokenId, (kept) => ({ ...kept, state, isStopped }));
        isNew = true;
      }
    } catch {
      // No network, or refused: what is known stays.
    }
  }
  return isNew;
}

/**
 * Whether a token is over for good.
 * @param {string | undefined} state
 */
export function isOver(state) {
  return state !== undefined && ["released", "revoked", "expired"].includes(state);
}
