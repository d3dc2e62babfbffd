// The composer while it edits a message or answers one. The form's attribute `data-edits` or
// `data-answers` has the message's offset; the page's program takes it away when the text is sent.
// Loaded at the first use.

const form = document.getElementById("message_form");
const field = document.getElementById("chat_content");
const bar = document.getElementById("composing");
const ATTRIBUTES = ["data-edits", "data-answers"];
const isActive = () => ATTRIBUTES.some((name) => form.hasAttribute(name));

/** The text that an edit has replaced in the composer. */
let draft;

/** The first line of a message. */
const firstLine = (row) => row.querySelector(".text").textContent.trim().split("\n", 1)[0];

function write(text) {
  field.value = text;
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

/** Begins to edit or to answer the message of a row. */
export function start(kind, row) {
  if (isActive()) cancel();
  const author = row.querySelector(".author").textContent;
  const label = { edits: bar.dataset.edits, answers: `${bar.dataset.answers} ${author}: ${firstLine(row)}` };
  if (kind === "edits") {
    draft = field.value;
    form.setAttribute("data-edits", row.dataset.offset);
    write(row.querySelector(".text").textContent);
  } else {
    form.setAttribute("data-answers", row.dataset.offset);
  }
  bar.querySelector("[role=status]").textContent = label[kind];
  bar.hidden = false;
  field.focus();
}

function cancel() {
  for (const name of ATTRIBUTES) form.removeAttribute(name);
  finish();
}

/** Shows the composer as it was. */
function finish() {
  bar.hidden = true;
  bar.querySelector("[role=status]").textContent = "";
  if (draft !== undefined) write(draft);
  draft = undefined;
}

new MutationObserver(() => isActive() || bar.hidden || finish()).observe(form, { attributeFilter: ATTRIBUTES });
bar.querySelector("button").addEventListener("click", () => {
  cancel();
  field.focus();
});
// Before the page's own shortcut, which leaves the field.
document.addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || event.isComposing || event.keyCode === 229 || !isActive() || !form.contains(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    cancel();
  },
  true,
);
