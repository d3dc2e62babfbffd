// Loads what shows a cast when one begins, and what shows the reader's screen when they ask for it.

const load = (name) => import(new URL(name, import.meta.url).href);

export function watchCasts() {
  const button = document.getElementById("present");
  if (button) {
    // An insecure page has no way to capture a screen, and says why.
    button.hidden = isSecureContext && !navigator.mediaDevices?.getDisplayMedia;
    button.addEventListener("click", () => load("present.js").then(({ open }) => open()));
  }
  const messages = document.getElementById("messages");
  // The program names a cast that has begun or ended.
  new MutationObserver(() => messages.dataset.changed.includes("cast") && load("cast.js").then(({ check }) => check())).observe(messages, {
    attributeFilter: ["data-changed"],
  });
}
