// What shows a part of a message elsewhere: quotes above replies, and the pinned messages. They
// follow when the message changes. Loaded when a page has such a part that needs it.

const byId = (id) => document.getElementById(id);
const { gone, erased, nameless } = byId("row_menu").dataset;
const messages = byId("messages");
const room = byId("message_form").getAttribute("action").slice("/r/".length);

/** Requests to the server, so that many quotes of one message need one. */
const asked = new Map();

/** How a message is quoted: its author and its first line. */
const quote = (author, text) => [author || nameless, text.trim().split("\n", 1)[0]];

/** A message that the list shows. */
function shown(offset) {
  const row = byId("m-" + offset);
  if (!row) return undefined;
  const text = row.querySelector(".text");
  return text ? quote(row.querySelector(".author:not(.nameless)")?.textContent, text.textContent) : ["", erased];
}

/** A message that is older than the list. */
async function fetched(offset) {
  const url = `/api/rooms/${room}/messages?limit=1&before=`;
  // The epoch of the log stands in every position.
  const newest = await (await fetch(`/api/rooms/${room}/messages?limit=1`)).json();
  const epoch = newest.latest.split(":")[0];
  const page = await (await fetch(`${url}${epoch}:${offset + 1}`)).json();
  const entry = page.entries?.find((entry) => entry.offset === offset);
  if (!entry) return ["", gone];
  return entry.erased ? ["", erased] : quote(entry.author, entry.text);
}

async function fill(link) {
  const offset = +link.hash.slice("#m-".length);
  let parts = shown(offset);
  if (!parts) {
    if (!asked.has(offset)) asked.set(offset, fetched(offset));
    parts = await asked.get(offset).catch(() => undefined);
  }
  if (!parts) return asked.delete(offset);
  show(link, parts);
}

function show(link, [author, line]) {
  const name = document.createElement("b");
  name.textContent = author;
  link.replaceChildren(...(author ? [name, " "] : []), line);
}

/** Fills the quotes that the program has left empty. */
export function fillQuotes() {
  messages.querySelectorAll(".quote:empty").forEach(fill);
}

/** Shows messages as they are now, by their offsets. The offset 0 stands for the room. */
export function update(offsets) {
  for (const offset of offsets) {
    asked.delete(+offset);
    document.querySelectorAll(`.quote[href="#m-${offset}"]`).forEach(fill);
  }
  const isPinned = (offset) => offset === "0" || document.querySelector(`#about a[href="#m-${offset}"]`);
  if (offsets.some(isPinned)) updateRoom();
}

/** Shows the room's title, topic and pinned messages, and whether the reader may post. */
async function updateRoom() {
  const answer = await fetch("/api/rooms/" + room);
  if (!answer.ok) return;
  const { settings, pins = [], can_post: canPost } = await answer.json();
  const about = byId("about");
  const topic = about.querySelector(".topic");
  topic.textContent = topic.title = settings.topic ?? "";
  const list = about.querySelector("ol");
  const items = pins.map(({ offset, author, text = "" }) => {
    const [item, link] = [document.createElement("li"), document.createElement("a")];
    link.href = "#m-" + offset;
    show(link, quote(author, text));
    item.append(link);
    return item;
  });
  list.replaceChildren(...items);
  document.querySelector(".room > bdi").textContent = settings.title || decodeURIComponent(room);
  const why = canPost ? "" : settings.closed ? "room_closed" : "post_refused";
  const form = byId("message_form");
  form.toggleAttribute("data-closed", !canPost);
  for (const reason of form.querySelectorAll("[data-why]")) reason.hidden = reason.dataset.why !== why;
}
