/*
 * Lets the application open without a network. Files of the build have their content in their name and are kept; the page itself and its
 * settings are asked for first and kept for the case that nobody answers. Nothing of the API is kept: what is shown as present must be.
 */
const CACHE = "parvis-1";
const SHELL = ["./", "./config.json", "./app.webmanifest", "./icon.svg"];

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(SHELL))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const scope = new URL(self.registration.scope);
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const path = url.pathname.slice(scope.pathname.length);
  if (path.startsWith("assets/")) event.respondWith(kept(request));
  // A login comes back with a code in the query, which must not be kept.
  else if (path === "" && url.search === "") event.respondWith(present(request, "./"));
  else if (path === "config.json" || path === "app.webmanifest") event.respondWith(present(request, `./${path}`));
});

/** From the cache, or fetched once. */
async function kept(request) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(request);
  if (known) return known;
  const response = await fetch(request);
  if (response.ok) {
    await cache.put(request, response.clone());
    await forget(cache);
  }
  return response;
}

/** From the network, or as it was last. */
async function present(request, name) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(name, response.clone());
    return response;
  } catch (error) {
    const known = await cache.match(name);
    if (known) return known;
    throw error;
  }
}

/** Files of builds that are gone are the oldest. */
async function forget(cache) {
  const files = (await cache.keys()).filter((request) => request.url.includes("/assets/"));
  for (const old of files.slice(0, Math.max(0, files.length - 150))) await cache.delete(old);
}
