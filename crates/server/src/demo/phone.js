/** The demo's phone: puts a seeded token into this browser through the app's own modules. */

import { activate } from "/app/activation.js";
import { settleToken } from "/app/storage.js";

const status = document.getElementById("status");

// Without this script, or where windows are kept from opening, the link opens a tab.
document.getElementById("small").addEventListener("click", (event) => {
  const { href, target } = event.currentTarget;
  if (window.open(href, target, "popup,width=390,height=844")) event.preventDefault();
});

for (const button of document.querySelectorAll("button[data-user]")) {
  button.addEventListener("click", async () => {
    status.textContent = status.dataset.working;
    try {
      const entry = {
        serviceId: button.dataset.service,
        userId: button.dataset.user,
        startPassword: "",
        qrSecret: null,
      };
      // The one difference: the demo's own address, which asks for no start password.
      const outside = {
        fetch: (_path, options) => fetch("/demo/activations", options),
        now: () => Date.now(),
      };
      const { token } = await activate(entry, outside);
      await settleToken(token);
      location.assign("/app/");
    } catch (error) {
      console.error(error);
      status.textContent = status.dataset.failed;
    }
  });
}
