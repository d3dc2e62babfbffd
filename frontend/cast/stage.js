// The stage: the picture of a cast, with its buttons. It shows what `cast.js` tells it and reports what the reader does.

import { element, icon } from "./room.js";
import { texts } from "./texts.js";

const ICONS = {
  play: "M7 5l12 7-12 7z",
  pause: "M8 5v14M16 5v14",
  sound: "M4 10v4h4l5 4V6L8 10zM16.5 9a4 4 0 010 6",
  fit: "M4 4h16v16H4zM9 9v6M15 9v6M12 10.5v0M12 13.5v0",
  details: "M12 11v6M12 7v0M12 3a9 9 0 100 18 9 9 0 000-18z",
  inPicture: "M3 5h18v14H3zM12 12h6v4h-6z",
  whole: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  hide: "M5 15l7-7 7 7",
  show: "M5 9l7 7 7-7",
  close: "M6 6l12 12M18 6L6 18",
};

/** Bytes, frames and the delay are averages of this time. */
const DETAILS_MS = 1000;

export class Stage {
  #frame;
  #isDrawn = false;
  #shown = { frames: 0, bytes: 0, skipped: 0 };

  /** `on` has a function for each button: play, sound, inPicture, hide, close, end. */
  constructor(on) {
    this.on = on;
    this.section = document.getElementById("cast") ?? element("section", { id: "cast" });
    this.poster = this.section.querySelector("img.poster") ?? element("img", { class: "poster", alt: "", hidden: "" });
    this.canvas = element("canvas", { role: "img", hidden: "" });
    this.context = this.canvas.getContext("2d", { alpha: false, desynchronized: true });
    this.word = element("p", { class: "cast-word", role: "status" });
    this.screen = element("div", { class: "screen" }, this.poster, this.canvas);
    this.who = element("bdi");
    this.details = element("dl", { class: "cast-details", id: "cast_details", hidden: "" });
    this.buttons = this.#makeButtons();
    const { play, sound, fit, details, inPicture, whole, hide, close, end } = this.buttons;
    const name = element("p", { class: "cast-who" }, this.who);
    this.bar = element("div", { class: "cast-bar" }, play, sound, name, end, details, fit, inPicture, whole, hide, close);
    this.section.replaceChildren(this.screen, this.word, this.details, this.bar);
    if (!this.section.isConnected) document.getElementById("app").before(this.section);
    this.timer = setInterval(() => this.#showDetails(), DETAILS_MS);
  }

  #makeButtons() {
    const icons = ["play", "sound", "fit", "details", "inPicture", "whole", "hide", "close"];
    const button = (name) => element("button", { type: "button", class: "icon", title: texts[name], "aria-label": texts[name] }, icon(ICONS[name]));
    const made = Object.fromEntries(icons.map((name) => [name, button(name)]));
    made.end = element("button", { type: "button", class: "quiet" }, texts.endForAll);
    const menu = document.getElementById("row_menu");
    made.end.hidden = !menu || !("moderates" in menu.dataset);
    made.sound.hidden = made.close.hidden = true;
    made.sound.setAttribute("aria-pressed", "false");
    made.inPicture.hidden = !document.pictureInPictureEnabled;
    made.whole.hidden = !document.fullscreenEnabled;
    made.details.setAttribute("aria-expanded", "false");
    made.details.setAttribute("aria-controls", "cast_details");
    made.fit.setAttribute("aria-pressed", "false");
    for (const name of ["play", "sound", "inPicture", "hide", "close", "end"]) made[name].onclick = () => this.on[name]();
    made.fit.onclick = () => this.#switchSize();
    made.details.onclick = () => made.details.setAttribute("aria-expanded", String((this.details.hidden = !this.details.hidden) === false));
    made.whole.onclick = () => (document.fullscreenElement ? document.exitFullscreen() : this.section.requestFullscreen());
    return made;
  }

  /** Names the presenter. */
  name(author) {
    const name = texts.screen(author);
    this.who.textContent = this.who.title = name;
    for (const part of [this.section, this.canvas]) part.setAttribute("aria-label", name);
  }

  /** Shows a state: its name is for the style sheet, its text for the reader. */
  tell(state, text) {
    this.section.dataset.state = state;
    if (this.word.textContent !== text) this.word.textContent = text;
  }

  /** Shows whether the cast plays, and whether its picture is hidden. */
  showPlaying(isPlaying, isHidden) {
    this.#face("play", isPlaying ? "pause" : "play");
    this.#face("hide", isHidden ? "show" : "hide");
    this.section.toggleAttribute("data-hidden", isHidden);
  }

  #face(button, name) {
    const node = this.buttons[button];
    if (node.dataset.face === name) return;
    node.dataset.face = name;
    node.title = texts[name];
    node.setAttribute("aria-label", texts[name]);
    node.replaceChildren(icon(ICONS[name]));
  }

  /** Shows the end of the cast: the last picture, with no more buttons than one that closes the stage. */
  finish(state, text) {
    clearInterval(this.timer);
    const { close, ...others } = this.buttons;
    const hasFocus = this.bar.contains(document.activeElement);
    for (const button of Object.values(others)) button.hidden = true;
    close.hidden = false;
    this.details.hidden = true;
    this.tell(state, text);
    if (hasFocus) close.focus();
  }

  remove() {
    const hasFocus = this.section.contains(document.activeElement);
    if (document.fullscreenElement === this.section) document.exitFullscreen();
    this.section.remove();
    if (hasFocus) document.getElementById("scroller")?.focus();
  }

  /** Draws a frame before the browser's next one. Of several only the last is drawn; each is closed. */
  draw(frame) {
    this.#frame?.close();
    if (!this.#frame) requestAnimationFrame(() => this.#drawNow());
    this.#frame = frame;
    this.#shown.frames++;
  }

  /** True once something was drawn. */
  get isDrawn() {
    return this.#isDrawn;
  }

  #drawNow() {
    const frame = this.#frame;
    this.#frame = undefined;
    const [width, height] = [frame.displayWidth ?? frame.width, frame.displayHeight ?? frame.height];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
      this.canvas.style.setProperty("--natural", `${width / devicePixelRatio}px`);
    }
    this.context.drawImage(frame, 0, 0, width, height);
    this.on.drawn(frame);
    frame.close();
    if (this.#isDrawn) return;
    this.#isDrawn = true;
    this.canvas.hidden = false;
    this.poster.hidden = true;
  }

  #switchSize() {
    const isActual = this.section.toggleAttribute("data-actual");
    this.buttons.fit.setAttribute("aria-pressed", String(isActual));
    // What is larger than its box is scrolled by keyboard too.
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", this.who.textContent]]) {
      if (isActual) this.screen.setAttribute(name, value);
      else this.screen.removeAttribute(name);
    }
  }

  /** Counts what arrived. */
  received(bytes, skipped = 0) {
    this.#shown.bytes += bytes;
    this.#shown.skipped += skipped;
  }

  #showDetails() {
    const { frames, bytes, skipped } = this.#shown;
    this.#shown.frames = this.#shown.bytes = 0;
    if (this.details.hidden) return;
    const { codec, delay } = this.on.facts();
    const { width, height } = this.canvas;
    const rows = [
      [texts.size, `${width} × ${height}`],
      [texts.codec, codec],
      [texts.frames, texts.perSecond(frames)],
      [texts.bitrate, `${((bytes * 8) / 1e6).toFixed(2)} Mbit/s`],
      [texts.delay, delay],
      [texts.skipped, skipped],
    ];
    this.details.replaceChildren(...rows.filter(([, value]) => value !== "").map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  }
}
