// Keeps a wall running for days, with nobody near it.

/** How long a wall runs before a fresh one takes its place. */
const LIFE_MS = 6 * 60 * 60 * 1000;
const CHECK_MS = 60 * 1000;

const root = document.documentElement;
const address = location.href.split("#")[0];
const start = Date.now();

/** True if the server no longer has the files of this build. */
async function isOutdated() {
  const answer = await fetch(import.meta.url, { method: "HEAD", cache: "no-store" });
  return answer.status === 404;
}

/** Replaces the wall when the server is there and the browser has all files of the next one, so that nothing flashes. */
async function replace() {
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const files = next.querySelectorAll("link[rel=stylesheet], link[rel=modulepreload], link[rel=preload], script[src]");
  await Promise.all([...files].map((file) => fetch(file.href || file.src)));
  location.replace(address);
}

// The content security policy forbids style attributes, but not this.
if (root.dataset.fade) root.style.setProperty("--fade", root.dataset.fade + "s");

setInterval(async () => {
  try {
    if (Date.now() - start > LIFE_MS || "plain" in root.dataset || (await isOutdated())) await replace();
  } catch {
    // The server is away. The next check is in a minute.
  }
}, CHECK_MS);
