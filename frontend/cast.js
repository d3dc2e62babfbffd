// Shows the cast of the room: the newest video where the browser can play it, else a picture a second. Loaded by pages that have
// a cast, and when one begins.

import { parse, PICTURE } from "./cast/chunk.js";
import { viewerAfter } from "./cast/after.js";
import { Delay } from "./cast/delay.js";
import { InPicture } from "./cast/in_picture.js";
import { canPlay, Player } from "./cast/player.js";
import { addStyle, end, pictureUrl, socketUrl, status } from "./cast/room.js";
import { Stage } from "./cast/stage.js";
import { texts } from "./cast/texts.js";
import { openView } from "./cast/view_socket.js";

/** A hidden page goes on for this long, so that a glance at another tab costs nothing. */
const HIDDEN_MS = 5000;
const PICTURE_MS = 1000;
/** A socket that is lost sooner was not good for video. */
const STEADY_MS = 6000;
/** Between two questions for a picture when there is none. */
const NO_PICTURE_MS = 3000;

const isWall = document.documentElement.dataset.view === "wall";

/** The cast that this page shows. */
let cast;

/** True if this page is the presenter's, which has no mirror. */
const presents = () => "presents" in document.documentElement.dataset;

/** True while the server is asked, so that two checks show one stage. */
let isAsking = false;

/** Shows the room's cast, if it has one that is not shown yet. */
export async function check() {
  if (isAsking || presents() || (cast && !cast.isOver)) return;
  isAsking = true;
  const [found] = await Promise.all([status(), addStyle()]);
  isAsking = false;
  if (!found || presents()) return;
  if (found.cast) {
    cast?.stage.remove();
    cast = new Cast(found.cast);
  } else {
    document.querySelector("#cast:not([data-state])")?.remove();
  }
}

class Cast {
  isOver = false;
  #isPaused = false;
  #isHidden = false;
  #failures = 0;
  #blocked = 0;
  /** When the socket began to open. */
  #since = 0;
  /** Closes the socket, if there is one. */
  #close;
  /** True once the server has spoken on it. */
  #isOpen = false;
  /** True between a lost socket and the next one. */
  #isWaiting = false;
  #attempt = 0;
  #timer;
  #leaving;
  #until = new AbortController();
  #player;
  #delay = new Delay();
  /** The time of the picture that was shown before the video. */
  #pictured = 0;
  #isAway = false;
  /** Why pictures take the place of the video. */
  #pictures = canPlay() ? undefined : "codec";
  #polls = false;

  constructor({ id, author }) {
    this.id = id;
    this.stage = new Stage({
      play: () => this.#set(() => (this.#isPaused = !this.#isPaused)),
      hide: () => this.#set(() => (this.#isHidden = !this.#isHidden)),
      sound: () => this.#switchSound(),
      inPicture: () => (this.inPicture.isOpen ? this.inPicture.close() : this.inPicture.open()),
      close: () => this.stage.remove(),
      end: () => confirm(texts.endQuestion) && end(),
      drawn: (frame) => this.#drawn(frame),
      facts: () => this.#facts(),
    });
    this.inPicture = new InPicture(this.stage.canvas, () => this.update());
    this.stage.name(author);
    const { signal } = this.#until;
    document.addEventListener("visibilitychange", () => this.update(), { signal });
    addEventListener("online", () => this.#isWaiting && this.#retry(), { signal });
    this.update();
  }

  /** True if somebody looks or listens. */
  get #isWanted() {
    if (this.isOver || this.#isPaused || this.#isHidden) return false;
    return !document.hidden || isWall || this.inPicture.isOpen || !!this.#player?.sound.isOn;
  }

  /** Starts or stops, as is wanted now. */
  update() {
    clearTimeout(this.#leaving);
    this.stage.showPlaying(!this.#isPaused, this.#isHidden);
    if (this.isOver) return;
    if (this.#isWanted) this.#start();
    else if (this.#isPaused || this.#isHidden) this.#stop();
    else this.#leaving = setTimeout(() => this.#stop(), HIDDEN_MS);
  }

  #set(change) {
    change();
    this.update();
  }

  #start() {
    if (this.#close || this.#isWaiting) return;
    if (this.#pictures !== "codec") this.#connect();
    if (this.#pictures) this.#poll();
    this.#tell();
  }

  #stop() {
    this.#attempt++;
    clearTimeout(this.#timer);
    this.#isWaiting = this.#polls = false;
    this.#disconnect();
    this.#tell();
  }

  #disconnect() {
    this.#close?.();
    this.#close = undefined;
    this.#isOpen = false;
    this.#player?.close();
  }

  #retry() {
    this.#attempt++;
    clearTimeout(this.#timer);
    this.#isWaiting = false;
    this.update();
  }

  /* Video */

  #connect() {
    this.#player ??= this.#makePlayer();
    this.#since = performance.now();
    this.#close = openView(socketUrl("view"), {
      frame: (frame) => this.#hear(frame),
      chunk: (buffer) => this.#take(buffer),
      lost: (code) => this.#lost(code),
    });
  }

  #makePlayer() {
    const failed = () => this.#show("codec");
    const player = new Player((frame) => this.#show(undefined, frame), failed);
    player.sound.found = () => (this.stage.buttons.sound.hidden = isWall);
    return player;
  }

  #hear(frame) {
    const { type, cast } = frame;
    this.#isOpen = true;
    if (type === "cast") {
      if (cast.id !== this.id) return this.#replaced();
      this.stage.name(cast.author);
      this.#isAway = false;
    } else if (type === "paused" || type === "resumed") {
      this.#isAway = type === "paused";
    } else if (type === "skipped") {
      this.stage.received(0, frame.chunks);
      this.#player.skip();
    }
    this.#tell();
  }

  /** Another cast has begun meanwhile. */
  #replaced() {
    this.#finish("over");
    check();
  }

  #take(buffer) {
    const chunk = parse(buffer);
    if (!chunk) return;
    this.stage.received(buffer.byteLength);
    if (chunk.kind !== PICTURE) return this.#player.take(chunk);
    if (this.stage.isDrawn) return;
    this.#pictured = chunk.time;
    this.#drawPicture(new Blob([chunk.data], { type: "image/jpeg" }), () => !this.stage.isDrawn);
  }

  async #drawPicture(blob, isWanted) {
    const picture = await createImageBitmap(blob).catch(() => undefined);
    if (picture && isWanted() && !this.isOver) this.stage.draw(picture);
    else picture?.close();
  }

  /** Shows a frame, or begins with pictures. */
  #show(pictures, frame) {
    if (this.#pictures !== pictures) {
      this.#pictures = pictures;
      if (pictures === "codec") this.#disconnect();
      if (pictures) this.#poll();
      this.#tell();
    }
    if (!frame) return;
    // The group begins before the picture that came first. What is older is decoded, but not shown.
    if (frame.timestamp < this.#pictured && this.#player.waiting) return frame.close();
    this.inPicture.take(frame);
    this.stage.draw(frame);
  }

  #drawn(frame) {
    if (frame instanceof VideoFrame) this.#delay.shown(performance.timeOrigin + performance.now(), frame.timestamp / 1000);
  }

  async #lost(code) {
    this.#disconnect();
    if (performance.now() - this.#since > STEADY_MS) this.#failures = this.#blocked = 0;
    this.#failures++;
    this.#isWaiting = true;
    const attempt = ++this.#attempt;
    this.#tell();
    const found = await status();
    // Meanwhile the reader may have stopped it.
    if (attempt !== this.#attempt) return;
    this.#blocked = found ? this.#blocked + 1 : 0;
    const next = viewerAfter({ code, status: found, failures: this.#failures, blocked: this.#blocked, chance: Math.random() });
    if (next.end) return this.#finish(next.end);
    if (next.pictures) this.#show(next.pictures);
    this.#timer = setTimeout(() => this.#retry(), next.wait);
  }

  #switchSound() {
    const { sound } = this.#player;
    sound.switch(!sound.isOn);
    this.stage.buttons.sound.setAttribute("aria-pressed", String(sound.isOn));
    this.update();
  }

  /* Pictures */

  async #poll() {
    if (this.#polls) return;
    this.#polls = true;
    while (this.#polls && this.#pictures && !this.isOver) {
      const wait = (await this.#fetchPicture()) ? PICTURE_MS : NO_PICTURE_MS;
      await new Promise((resume) => setTimeout(resume, wait));
    }
    this.#polls = false;
  }

  async #fetchPicture() {
    try {
      const answer = await fetch(pictureUrl, { cache: "no-store" });
      if (answer.ok) {
        const blob = await answer.blob();
        this.stage.received(blob.size);
        await this.#drawPicture(blob, () => this.#pictures);
        return true;
      }
      const found = await status();
      if (found === false || found?.cast === null) this.#finish(found === false ? "refused" : "over");
    } catch {
      // The server is away.
    }
    return false;
  }

  /* Words */

  #tell() {
    if (this.isOver) return;
    const [state, text] = this.#state();
    this.stage.tell(state, text);
  }

  #state() {
    if (this.#isPaused) return ["paused", texts.paused];
    if (this.#isHidden) return ["hidden", ""];
    if (this.#pictures) return ["pictures", texts.pictures[this.#pictures]];
    if (!this.#isOpen) return this.#failures ? ["lost", texts.lost] : ["connecting", texts.connecting];
    return this.#isAway ? ["away", texts.away] : ["live", ""];
  }

  #facts() {
    const { ms = 0, isExact } = this.#delay;
    const isVideo = !this.#pictures && !!this.#player?.codec;
    const delay = isVideo ? (isExact ? texts.exactly : texts.more)(Math.round(ms)) : "";
    return { codec: isVideo ? this.#player.codec : "JPEG", delay };
  }

  #finish(word) {
    this.isOver = true;
    this.#until.abort();
    this.#stop();
    this.inPicture.close();
    this.stage.finish(word, texts[word]);
  }
}

check();
