// What a presenter sees: the choices before, and during the cast the bar that says so.

import { element } from "./room.js";
import { texts } from "./texts.js";

const QUALITIES = { low: 600_000, normal: 1_500_000, high: 3_000_000 };
const KEPT = "crier:cast:";

const storage = (act) => {
  try {
    return act(localStorage);
  } catch {
    // Storage can be forbidden. Then nothing is remembered.
    return undefined;
  }
};

/** Asks what to show and how. `start` is called with the choices, in an event of the presenter; `closed` when they are closed. */
export class Choices {
  constructor(start, closed) {
    this.problem = element("p", { class: "cast-problem", role: "alert", hidden: "" });
    this.quality = select("cast_quality", texts.qualities, "normal");
    this.codec = select("cast_codec", {}, "vp8");
    this.sound = element("input", { type: "checkbox", id: "cast_sound", autocomplete: "off" });
    this.go = element("button", { type: "button", class: "primary" }, texts.choose);
    const cancel = element("button", { type: "button", class: "quiet" }, texts.cancel);
    this.fields = element(
      "div",
      { class: "cast-fields" },
      element("p", {}, texts.intro),
      element("label", { for: "cast_quality" }, texts.quality),
      this.quality,
      element("label", { for: "cast_codec" }, texts.codecLabel),
      this.codec,
      element("label", { class: "switch" }, this.sound, element("span", {}, texts.withSound)),
    );
    const buttons = element("div", { class: "cast-buttons" }, cancel, this.go);
    this.dialog = element("dialog", { id: "cast_choices", "aria-labelledby": "cast_title" });
    this.dialog.append(element("h2", { id: "cast_title" }, texts.title), this.problem, this.fields, buttons);
    cancel.onclick = () => this.dialog.close();
    this.dialog.onclose = () => {
      this.leave();
      closed();
    };
    this.go.onclick = () => start(this.#chosen());
    document.body.append(this.dialog);
  }

  /** Shows the choices, with a problem if there is one. One that choosing again can't mend leaves only its words. */
  open(problem, isFinal = false) {
    this.problem.hidden = !problem;
    this.problem.textContent = problem ?? "";
    this.fields.hidden = this.go.hidden = isFinal;
    this.wait(false);
    if (!this.dialog.open) this.dialog.showModal();
  }

  /** Gives the focus back. The panel that had it is closed. */
  leave() {
    this.dialog.close();
    if (document.activeElement === document.body) document.querySelector("[popovertarget=share]")?.focus();
  }

  /** The formats that this browser encodes. */
  offer(codecs) {
    const named = codecs.map((name) => [name, texts.codecs[name]]);
    this.codec.replaceChildren(...options(Object.fromEntries(named)));
    const last = storage((kept) => kept.getItem(KEPT + this.codec.id));
    this.codec.value = codecs.includes(last) ? last : codecs[0];
  }

  wait(isWaiting) {
    this.go.setAttribute("aria-disabled", String(isWaiting));
    this.go.textContent = isWaiting ? texts.starting : texts.choose;
  }

  #chosen() {
    for (const field of [this.quality, this.codec]) storage((kept) => kept.setItem(KEPT + field.id, field.value));
    return { bitrate: QUALITIES[this.quality.value], codec: this.codec.value, sound: this.sound.checked };
  }
}

const options = (words) => Object.entries(words).map(([value, text]) => element("option", { value }, text));

function select(id, words, first) {
  const made = element("select", { id, autocomplete: "off" }, ...options(words));
  made.value = storage((kept) => kept.getItem(KEPT + id)) ?? first;
  if (!made.value) made.value = first;
  return made;
}

/** The bar of a page that is live. */
export class LiveBar {
  #since = Date.now();

  constructor(stream, stop) {
    this.preview = element("video", { "aria-hidden": "true", tabindex: "-1" });
    Object.assign(this.preview, { muted: true, playsInline: true, srcObject: stream });
    this.preview.play().catch(() => {});
    this.viewers = element("span", { class: "cast-viewers", translate: "no" });
    this.time = element("span", { class: "cast-time", translate: "no" });
    this.word = element("span", { class: "cast-note", role: "status" });
    const button = element("button", { type: "button", class: "primary", id: "cast_stop" }, texts.stop);
    button.onclick = stop;
    this.bar = element("section", { id: "cast_live", "aria-label": texts.youAreLive }, this.preview);
    this.bar.append(element("strong", {}, texts.youAreLive), this.viewers, this.time, this.word, button);
    document.body.prepend(this.bar);
  }

  count(viewers) {
    this.viewers.textContent = texts.viewers(viewers);
  }

  /** Shows a word about the connection; an empty one if all is well. */
  tell(word) {
    if (this.word.textContent !== word) this.word.textContent = word;
    const seconds = Math.floor((Date.now() - this.#since) / 1000);
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (this.time.textContent !== time) this.time.textContent = time;
  }

  remove() {
    this.preview.srcObject = null;
    this.bar.remove();
  }
}
