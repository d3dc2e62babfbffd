// The composer before the page is alive, and what people drop or paste that is not text. It listens
// to the document, because the form may be replaced. The page may run this twice: it leaves events
// alone that the other instance has handled.

const FIELD = "chat_content";
const alive = () => document.querySelector(".page[data-ready]");
const byId = (id) => document.getElementById(id);
const roomOf = (form) => form.getAttribute("action").slice("/r/".length);

// Storage can be forbidden or full. Everything works without it, but may be lost.
const attempt = (act) => {
  try {
    return act();
  } catch {}
};
const read = (key) => attempt(() => localStorage.getItem(key)) || "";

/* Enter posts. */

const enters = (event) => event.key === "Enter" && !event.isComposing && event.keyCode !== 229;

const sends = ({ ctrlKey, metaKey, shiftKey }) => ctrlKey || metaKey || !(shiftKey || read("crier:settings:").includes("ctrl-sends"));

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.defaultPrevented || alive() || !enters(event)) return;
  if (target.id === "author") {
    event.preventDefault();
    byId(FIELD).focus();
  } else if (target.id === FIELD && sends(event)) {
    event.preventDefault();
    target.form.requestSubmit();
  }
});

const randomKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (alive() || form.id !== "message_form") return;
  const { content, author, key } = form.elements;
  if (!content.value.trim()) return event.preventDefault();
  const message = { text: content.value, author: author.value, key: key.value };
  // When the browser has read the form.
  setTimeout(() => {
    if (event.defaultPrevented) return;
    const item = `crier:outbox:${roomOf(form)}:${message.key}`;
    attempt(() => {
      sessionStorage.setItem("crier:early", item);
      // If the request fails, the page's outbox sends the message again; its key makes that
      // harmless. The outbox does not take a longer text, which the server may refuse.
      if (message.text.length < 5000) localStorage.setItem(item, `${Date.now()} ${JSON.stringify(message)}`);
    });
    content.value = "";
    key.value = randomKey();
  });
});

/* The page that answers such a post. */

const item = attempt(() => sessionStorage.getItem("crier:early"));
if (item) {
  const isStored = () => byId("page-data").textContent.includes(`"${item.split(":").pop()}"`);
  attempt(() => {
    sessionStorage.removeItem("crier:early");
    // A refused text is in the field again. One that waits for approval is not.
    if (isStored() || (!byId("problem").hidden && byId(FIELD).value)) localStorage.removeItem(item);
  });
  byId(FIELD).focus();
}

addEventListener("pagehide", () => {
  const { form, value } = byId(FIELD) ?? {};
  if (alive() || !value) return;
  attempt(() => {
    const draft = `crier:draft:${roomOf(form)}`;
    const kept = sessionStorage.getItem(draft) || read(draft);
    if (!`\n${kept}`.endsWith(`\n${value}`)) sessionStorage.setItem(draft, kept ? `${kept}\n${value}` : value);
  });
});

/* Files, and text that is dropped beside a field. */

const textOnly = () => dispatchEvent(new Event("crier:text-only"));
const isField = ({ target }) => target.matches?.("input, textarea");

document.addEventListener("paste", ({ target, clipboardData: { types } }) => {
  if (target.id === FIELD && types.includes("Files") && !types.includes("text/plain")) textOnly();
});

document.addEventListener("dragover", (event) => {
  if (!isField(event) || event.dataTransfer.types.includes("Files")) event.preventDefault();
});

document.addEventListener("drop", (event) => {
  const { dataTransfer: data } = event;
  const text = data.getData("text/plain");
  if (event.defaultPrevented || (text && isField(event))) return;
  event.preventDefault();
  if (text) {
    byId(FIELD)?.focus();
    // Unlike a new value, this can be undone.
    document.execCommand("insertText", false, text);
  } else if (data.types.includes("Files")) {
    textOnly();
  }
});
