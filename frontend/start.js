// Makes the server's page alive. If that fails, the page becomes the plain page (`plain.js`), which needs no program.
// Not inline, because the content security policy forbids inline scripts.
import "./trade.js";
import "./composer.js";
import init, { connect, hydrate_part, read_data, restore } from "./frontend.js";
import { watchCasts } from "./casts.js";
import { watchRows } from "./rows.js";

/** Marks a second instance of this module, which has a program of its own. */
const ANEW = "?anew";
const isAnew = import.meta.url.endsWith(ANEW);
let isPlain = false;

/** The address of a file of the bundle. */
const file = (name) => new URL(name, import.meta.url).href;

/** Lets the browser draw and take input between two steps. In a hidden page a timer may take a second. */
const pause = () => document.hidden || new Promise((resume) => setTimeout(resume));

async function start() {
  const [, fresh] = await Promise.all([init({ module_or_path: file("frontend_bg.wasm") }), isAnew && freshPage()]);
  await pause();
  if (fresh) hydrateAtOnce(fresh);
  else if (!(await hydrate())) return import(file("start.js" + ANEW));
  watchRows();
  watchCasts();
  // From now on the program runs by itself. It has no way to continue after a trap.
  addEventListener("error", (event) => check(event.error));
  addEventListener("unhandledrejection", (event) => check(event.reason));
  await pause();
  restore();
  await pause();
  connect();
  // Language, colours and a shared text in the address are for this view only. A wall is loaded again as it is.
  const isWall = document.documentElement.dataset.view;
  if (location.search && !isWall) history.replaceState(history.state, "", location.pathname + location.hash);
}

/** Hydrates the page, with pauses between its parts. False if that is not possible. */
async function hydrate() {
  try {
    if (!isIntact() || !read_data()) return false;
    do await pause();
    while (isIntact() && hydrate_part());
    return isIntact();
  } catch (error) {
    console.error(error);
    return false;
  }
}

/** Hydrates a fresh page without a pause, so that nothing can change it before. */
function hydrateAtOnce(fresh) {
  putIn(fresh);
  if (!read_data()) throw new Error("The page has no data.");
  while (hydrate_part());
}

/** True if all elements of the page are the server's. Those of browser extensions and translators mislead hydration. */
function isIntact() {
  const app = document.getElementById("app");
  return app.getElementsByTagName("*").length === Number(app.dataset.elements);
}

/** Asks the server for the page again. */
async function freshPage() {
  const answer = await fetch(location.href);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!fresh.getElementById("app")) throw new Error("The server has no page at the moment.");
  return fresh;
}

/** Replaces the page by the fresh one. What was typed stays. */
function putIn(fresh) {
  const [before, after] = [document, fresh].map((page) => page.getElementById("app"));
  const focused = document.activeElement;
  for (const field of before.querySelectorAll("textarea[id], input[id]:not([type=hidden])")) {
    const same = after.querySelector("#" + field.id);
    if (same) same.value = field.value;
  }
  document.getElementById("page-data").replaceWith(fresh.getElementById("page-data"));
  const place = before.contains(focused) && focused.id && after.querySelector("#" + focused.id);
  before.replaceWith(after);
  if (!place) return;
  place.focus();
  if (focused.setSelectionRange) place.setSelectionRange(focused.selectionStart, focused.selectionEnd);
}

/** Gives up after an error that came out of the program: its state may be inconsistent. */
function check(error) {
  if (error && /wasm/.test(error.stack)) giveUp(error);
}

/** Makes the page plain. */
function giveUp(error) {
  if (isPlain) return;
  isPlain = true;
  console.error(error);
  // Without the network, this is tried again until it is back.
  const plain = (attempt) => import(file("plain.js" + attempt)).catch(() => setTimeout(plain, 5000, "?" + Date.now()));
  plain("");
}

start().catch(giveUp);
