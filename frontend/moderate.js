// What moderators' pages do by themselves: the queue stays up to date, decisions need no reload, and on a wide screen the page opens
// as a panel of the room's page. All of it works without this script, by links and forms. Loaded only by those pages.

const WAIT_SECONDS = 25;
/** Between two refreshes. A burst of messages is shown at once. */
const PAUSE_MS = 400;
const FAILURE_PAUSE_MS = 5000;

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const isFramed = window.parent !== window;
const pause = (time) => new Promise((resume) => setTimeout(resume, time));

/** Calls `changed` with each new state of the room's queue, while `isWatched`; without a state when the right has ended. */
async function watchQueue(room, version, isWatched, changed) {
  let stop, wake;
  const check = () => (isWatched() ? wake?.() : stop?.abort());
  document.addEventListener("visibilitychange", check);
  document.addEventListener("toggle", check, true);
  for (;;) {
    if (!isWatched()) await new Promise((resume) => (wake = resume));
    stop = new AbortController();
    try {
      const answer = await fetch(`/api/admin/rooms/${room}/queue?limit=0${version && `&wait=${WAIT_SECONDS}&version=${version}`}`, { signal: stop.signal });
      if (isEnd(answer)) return changed();
      if (!answer.ok) throw answer.status;
      const state = await answer.json();
      if (String(state.version) !== version) await changed(state);
      version = String(state.version);
      await pause(PAUSE_MS);
    } catch {
      if (!stop.signal.aborted) await pause(FAILURE_PAUSE_MS);
    }
  }
}

const isEnd = (answer) => [401, 403, 404].includes(answer.status);

/** Shows how many messages wait. */
function count(waiting) {
  const badge = byId("waiting");
  badge.textContent = badge.dataset.count = waiting;
}

// The queue

const queue = byId("queue");
const list = queue?.querySelector(".items");
let asked = 0;
let shown = 0;

/** Sends a request that is answered with this page, and shows what is new in it. */
async function show(address, request) {
  const order = ++asked;
  const answer = await fetch(address, request);
  if (isEnd(answer)) return location.reload();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = fresh.getElementById("queue");
  if (!next) throw new Error(answer.status);
  if (request) byId("told").replaceChildren(...fresh.getElementById("told").childNodes);
  // An older answer than the one that is shown.
  if (order < shown) return;
  shown = order;
  count(fresh.getElementById("waiting").dataset.count);
  for (const part of [".tools", ".rest"]) {
    const [old, fresher] = [queue, next].map((one) => one.querySelector(part));
    if (old.innerHTML !== fresher.innerHTML) old.replaceChildren(...fresher.childNodes);
  }
  merge([...next.querySelectorAll(".item")]);
}

/** Makes the list show these items. Those that stay keep their nodes, with the focus and a reason that is being written. */
function merge(items) {
  const ids = new Set(items.map((item) => item.id));
  for (const item of [...list.children]) if (!ids.has(item.id)) remove(item);
  let place = list.firstElementChild;
  for (const item of items) {
    const kept = byId(item.id);
    if (kept && kept === place) place = place.nextElementSibling;
    else list.insertBefore(kept ?? item, place);
  }
}

function remove(item) {
  const next = item.contains(document.activeElement) && (item.nextElementSibling ?? item.previousElementSibling);
  item.remove();
  if (next) next.focus();
}

async function decide(event) {
  event.preventDefault();
  const { target: form, submitter } = event;
  const item = form.closest(".item");
  if ("busy" in item.dataset) return;
  const body = new URLSearchParams(new FormData(form));
  body.set(submitter.name, submitter.value);
  item.dataset.busy = "";
  item.nextElementSibling?.focus();
  try {
    await show(form.action, { method: "POST", body });
  } catch {
    const line = document.createElement("p");
    line.className = "told refused";
    line.textContent = queue.dataset.failed;
    byId("told").replaceChildren(line);
  }
  delete item.dataset.busy;
}

/** Keys for the item that has the focus. */
function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const item = document.activeElement.closest(".item");
  if (event.target.matches("input")) {
    if (event.key === "Escape") item?.focus();
    return;
  }
  const step = { j: "nextElementSibling", ArrowDown: "nextElementSibling", k: "previousElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  if (event.key === "Escape" && isFramed) return tell({ close: true });
  if (!step && event.key !== "a" && event.key !== "r") return;
  // Without the focus on a message, a key only moves it there: nobody decides about what they do not look at.
  const next = item ? step && item[step] : list.firstElementChild;
  if (next || step) event.preventDefault();
  if (next) return next.focus();
  if (step || !item) return;
  event.preventDefault();
  if (event.key === "a") item.querySelector("[value=approve]").click();
  else item.querySelector("[name=reason]").focus();
}

if (queue) {
  root.dataset.alive = "";
  const room = location.pathname.split("/")[2];
  queue.addEventListener("submit", decide);
  document.addEventListener("keydown", onKey);
  const here = () => location.pathname + location.search;
  const changed = (state) => (state ? show(here()) : location.reload());
  watchQueue(room, queue.dataset.version, () => !document.hidden, changed);
}

// What was done stands in the address after an action. Loading the page again must not tell it again.
if (root.dataset.view === "moderate") {
  const address = new URL(location.href);
  if (address.searchParams.has("done")) {
    address.searchParams.delete("done");
    history.replaceState(null, "", address);
  }
}

// The panel: this page inside the room's page

const tell = (message) => window.parent.postMessage(message, location.origin);
if (isFramed) {
  const back = document.querySelector(".back");
  back?.addEventListener("click", (event) => (event.preventDefault(), tell({ close: true })));
  if (byId("waiting")) new MutationObserver(() => tell({ waiting: byId("waiting").dataset.count })).observe(byId("waiting"), { attributes: true });
}

const button = byId("moderate");
if (button) {
  const isWide = matchMedia("(min-width: 48rem)");
  let panel;
  const isOpen = () => panel?.matches(":popover-open");
  const make = () => {
    panel = document.createElement("div");
    Object.assign(panel, { id: "moderation", popover: "manual", role: "dialog", ariaLabel: button.title });
    const frame = document.createElement("iframe");
    frame.title = button.title;
    panel.append(frame);
    document.body.append(panel);
    return panel;
  };
  const open = (address) => {
    const frame = (panel ?? make()).firstChild;
    frame.src = address;
    panel.showPopover();
    frame.focus();
  };
  const close = () => (panel.hidePopover(), panel.firstChild.removeAttribute("src"), button.focus());
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    const isPlain = !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || !isWide.matches || link.pathname !== button.pathname) return;
    event.preventDefault();
    if (link === button && isOpen()) close();
    else open(link.href);
  });
  addEventListener("message", ({ source, data }) => {
    if (!isOpen() || source !== panel.firstChild.contentWindow) return;
    if (data.close) close();
    else badge(data.waiting);
  });
  const badge = (waiting) => {
    count(waiting);
    byId("waiting").hidden = !Number(waiting);
  };
  const room = button.pathname.split("/")[2];
  // The panel asks by itself.
  watchQueue(room, "", () => !document.hidden && !isOpen(), (state) => state && badge(state.count));
}

// A key's own page

const field = byId("key");
const [, code] = location.hash.match(/^#(?:claim|key)=([\w-]+)$/) ?? [];
if (field && code) {
  field.value = code;
  history.replaceState(null, "", location.pathname + location.search);
  byId("key_form").querySelector("button").focus();
}

for (const copy of document.querySelectorAll("[data-copy]")) {
  const source = byId(copy.dataset.copy);
  const name = copy.textContent;
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", async () => {
    source.select();
    await navigator.clipboard.writeText(source.value);
    copy.textContent = copy.dataset.copied;
    setTimeout(() => (copy.textContent = name), 2000);
  });
}
