/** Registers the service worker. The one place that makes a script's address, under the one Trusted Types policy. */

/**
 * Registers the worker. Without one the app works as well, but only with a network.
 * @returns {Promise<void>}
 */
export async function registerWorker() {
  if (!("serviceWorker" in navigator)) {
    return;
  }
  try {
    await navigator.serviceWorker.register(workerAddress(), { scope: "/app/", updateViaCache: "none" });
  } catch {
    // A browser that forbids workers (private mode) says so in other places already.
  }
}

/** @returns {string} what `register` takes: with Trusted Types an object that stands for the address */
function workerAddress() {
  const { trustedTypes } = /** @type {{trustedTypes?: PolicyFactory}} */ (/** @type {unknown} */ (globalThis));
  if (trustedTypes === undefined) {
    return WORKER;
  }
  const policy = trustedTypes.createPolicy("warifu-worker", {
    createScriptURL: (address) => {
      if (address !== WORKER) {
        throw new TypeError("not the app's worker");
      }
      return address;
    },
  });
  return policy.createScriptURL(WORKER);
}

const WORKER = "/app/sw.js";

/**
 * The part of the Trusted Types API that is used here; not every browser has it.
 * @typedef {{createPolicy: (name: string, rules: {createScriptURL: (address: string) => string}) => {createScriptURL: (address: string) => string}}} PolicyFactory
 */
