/** The worker: keeps one complete version of the app for use without a network. Never sees or keeps an answer of /phone/v1. */

// The server writes both lines: the digest of all files, and their paths.
const VERSION = "__VERSION__";
const FILES = ["__FILES__"];

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

worker.addEventListener("install", (event) => event.waitUntil(keepAll()));
worker.addEventListener("activate", (event) => event.waitUntil(dropOthers()));
// Only when the customer says so: two versions never serve one page.
worker.addEventListener("message", (event) => {
  if (event.data === "take over") {
    void worker.skipWaiting();
  }
});
worker.addEventListener("fetch", (event) => {
  const path = pathOf(event.request);
  if (path !== null) {
    event.respondWith(fromCache(path, event.request));
  }
});

/** All files or none: one that fails makes the installation fail, and the version before stays. */
async function keepAll() {
  const cache = await caches.open(VERSION);
  // Past the browser's own cache, so that files of two versions never mix.
  await cache.addAll(FILES.map((path) => new Request(path, { cache: "reload", credentials: "omit" })));
}

async function dropOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== VERSION).map((name) => caches.delete(name)));
}

/**
 * Which kept file answers a request; null when it is none of the app's.
 * @param {Request} request
 */
function pathOf(request) {
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== worker.location.origin) {
    return null;
  }
  if (request.mode === "navigate" && pathname.startsWith("/app/")) {
    return "/app/";
  }
  return FILES.includes(pathname) ? pathname : null;
}

/**
 * @param {string} path
 * @param {Request} request
 */
async function fromCache(path, request) {
  const cache = await caches.open(VERSION);
  return (await cache.match(path)) ?? fetch(request);
}
