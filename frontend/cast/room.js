// The room of this page, and what the server says about its cast.

const form = document.getElementById("message_form");
export const room = form.getAttribute("action").slice("/r/".length);

export const socketUrl = (what, query = "") => `${location.origin.replace(/^http/, "ws")}/ws/${room}/${what}${query}`;
export const pictureUrl = `/r/${room}/cast.jpg`;
const STATUS_URL = `/api/rooms/${room}/cast`;

/** The status of the room's cast: undefined if the server is away, false if it does not let the reader in. */
export async function status() {
  try {
    const answer = await fetch(STATUS_URL, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (answer.ok) return await answer.json();
    return [401, 403, 404].includes(answer.status) ? false : undefined;
  } catch {
    return undefined;
  }
}

/** Ends the room's cast for everybody. */
export const end = () => fetch(STATUS_URL, { method: "DELETE" });

/** Adds the style sheet of casts. It resolves when the sheet applies, or can't be loaded. */
export function addStyle() {
  const url = new URL("cast.css", import.meta.url).href;
  if (document.querySelector(`link[href$="/cast.css"]`)) return Promise.resolve();
  return new Promise((resolve) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: url, onload: resolve, onerror: resolve });
    document.head.append(link);
  });
}

/** Makes an element with attributes and children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== false) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** Makes an icon of one path. */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
