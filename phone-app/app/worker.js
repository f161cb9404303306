/** Registers the service worker. The one place that makes a script's address, under the one Trusted Types policy. */

/**
 * Registers the worker, and tells of a newer version that waits for its turn.
 * @param {{missing: () => void, waiting: (take: () => void) => void}} tell `missing` where the app opens only with a network
 * @returns {Promise<void>}
 */
export async function registerWorker({ missing, waiting }) {
  if (!("serviceWorker" in navigator)) {
    missing();
    return;
  }
  try {
    const registration = await navigator.serviceWorker.register(workerAddress(), { scope: "/app/", updateViaCache: "none" });
    watch(registration, waiting);
  } catch {
    missing();
  }
}

/**
 * @param {ServiceWorkerRegistration} registration
 * @param {(take: () => void) => void} waiting
 */
function watch(registration, waiting) {
  let isTaken = false;
  const offer = () => {
    // The first worker of all has nothing to take over from.
    if (registration.waiting === null || navigator.serviceWorker.controller === null) {
      return;
    }
    waiting(() => {
      isTaken = true;
      registration.waiting?.postMessage("take over");
    });
  };
  offer();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", offer);
  });
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (isTaken) {
      location.reload();
    }
  });
  // A phone keeps the app open for weeks.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") {
      void registration.update().catch(() => undefined);
    }
  });
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
