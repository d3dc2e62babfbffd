// Shows the reader's screen to the room. Loaded when the reader asks for that.

import { encode, PICTURE } from "./cast/chunk.js";
import { presenterAfter } from "./cast/after.js";
import { Encoder, encodeSound, Pictures, supportedCodecs } from "./cast/encoder.js";
import { everyTick, readFrames } from "./cast/frames.js";
import { Choices, LiveBar } from "./cast/live_bar.js";
import { Pace, PICTURE_SHARE } from "./cast/pace.js";
import { PresentSocket } from "./cast/present_socket.js";
import { addStyle, room, socketUrl, status } from "./cast/room.js";
import { Schedule } from "./cast/schedule.js";
import { texts } from "./cast/texts.js";

const TICK_MS = 100;
/** The frames of a faster screen are too much for others. */
const FRAME_MS = 1000 / 31;
/** Of what the server takes, the video may use this much; the rest is for peaks. */
const RATE_SHARE = 0.8;
/** What remains of the bitrate after a chunk that was too long, or when the server took less. */
const TOO_LONG = 0.5;
const TOO_FAST = 0.7;

const root = document.documentElement;
const now = () => performance.now();
/** The presenter's clock, in whole microseconds. */
const clock = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

/** Where the key of a running cast is kept, so that a tab that crashed can go on with it. */
const KEPT = `crier:cast:${room}`;
const randomKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

let choices;
let casting;
/** The key of the cast that begins next. */
let key;

/** Asks the reader what to show. */
export async function open() {
  if (casting) return document.getElementById("cast_stop").focus();
  await addStyle();
  choices ??= new Choices(start, () => casting?.cancel());
  const codecs = await supportedCodecs();
  const problem = !isSecureContext ? "insecure" : !navigator.mediaDevices?.getDisplayMedia ? "no_capture" : !codecs.length && "no_encoder";
  if (problem) return choices.open(texts.problems[problem], true);
  choices.offer(codecs);
  choices.open();
  key = randomKey();
  const found = await status();
  // Only with its key does an own cast go on here.
  const kept = found?.cast && found.may_cast ? storage((session) => session.getItem(KEPT)) : undefined;
  if (kept) key = kept;
  if (found === undefined) choices.open(texts.problems.away);
  else if (found.cast && !kept) tell("cast_busy");
  else if (!found.may_cast) tell(found.why ?? "ended_access", !["cast_busy", "casts_full"].includes(found.why));
}

const tell = (code, isFinal) => choices.open(texts.problems[code] ?? texts.problems.ended_refused, isFinal);

async function start(chosen) {
  if (casting || choices.go.getAttribute("aria-disabled") === "true") return;
  choices.wait(true);
  let stream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 30, max: 30 } },
      audio: chosen.sound,
      surfaceSwitching: "include",
      selfBrowserSurface: "exclude",
    });
  } catch (error) {
    return tell(error.name === "NotAllowedError" ? "denied" : "failed");
  }
  if (choices.dialog.open) casting = new Casting(stream, chosen);
  else for (const track of stream.getTracks()) track.stop();
}

function storage(act) {
  try {
    return act(sessionStorage) ?? undefined;
  } catch {
    // Storage can be forbidden. Then a crashed tab does not go on.
    return undefined;
  }
}

/** One cast of this page. */
class Casting {
  #schedule = new Schedule();
  #pictures = new Pictures();
  #pace;
  #socket;
  #cast;
  #bar;
  #limits = { chunk_bytes_max: Infinity, picture_bytes_max: 256 * 1024 };
  #frame;
  #encoded = 0;
  #time = 0;
  #pictureBytes = 0;
  #failures = 0;
  /** Since when there is no connection; undefined while there is one. */
  #lost = now();
  /** When the next attempt begins. */
  #resume = Infinity;
  #stops = [];
  #isOver = false;

  constructor(stream, { bitrate, codec }) {
    const [track] = stream.getVideoTracks();
    track.contentHint = "text";
    track.onended = () => this.stop();
    this.stream = stream;
    // This page shows no stage of its own from now on.
    root.dataset.presents = "";
    this.#pace = new Pace(bitrate, now());
    this.encoder = new Encoder(codec, (...chunk) => this.#send(...chunk), () => this.#end("failed"));
    this.#stops = [
      readFrames(track, (frame) => this.#take(frame)),
      encodeSound(stream.getAudioTracks()[0], clock, (...chunk) => this.#send(...chunk)),
      everyTick(TICK_MS, () => this.#tick()),
    ];
    this.#connect();
  }

  /* The connection */

  #connect() {
    const author = document.getElementById("author")?.value ?? "";
    const url = socketUrl("present", `?key=${key}&author=${encodeURIComponent(author)}`);
    this.#socket = new PresentSocket(url, now(), { frame: (frame) => this.#hear(frame), lost: (code) => this.#lose(code) });
  }

  #hear({ type, cast, viewers, limits, code }) {
    if (type === "casting") this.#begin(cast, limits);
    else if (type === "keyframe") this.#askKeyFrame();
    else if (type === "error" && code === "cast_too_fast") this.#slowDown(TOO_FAST);
    if (viewers !== undefined) this.#bar.count(viewers);
  }

  #begin(cast, limits) {
    const rate = limits.bytes_per_second_max * 8 * RATE_SHARE;
    if (rate) this.#pace.limit(Math.min(this.#pace.cap, rate));
    [this.#limits, this.#lost, this.#failures] = [limits, undefined, 0];
    this.#pace.reset(now());
    this.#schedule.restart();
    const isNew = !this.#cast;
    this.#cast = cast;
    if (isNew) this.#show();
    this.#again();
  }

  /** The page is live from now on. */
  #show() {
    choices.dialog.close();
    storage((session) => session.setItem(KEPT, key));
    document.getElementById("cast")?.remove();
    this.#bar = new LiveBar(this.stream, () => this.stop());
    const leave = (event) => event.preventDefault();
    const hide = () => this.stop();
    addEventListener("beforeunload", leave);
    addEventListener("pagehide", hide);
    this.#stops.push(() => (removeEventListener("beforeunload", leave), removeEventListener("pagehide", hide)));
  }

  async #lose(code) {
    this.#socket = undefined;
    this.#lost ??= now();
    this.#failures++;
    this.#tick();
    const lost = now() - this.#lost;
    const found = await status();
    if (this.#isOver) return;
    const next = presenterAfter({ code, status: found, cast: this.#cast, lost, failures: this.#failures, chance: Math.random() });
    if (next.end) return this.#end(next.end);
    // A timer of the page is slow while it is hidden.
    this.#resume = now() + next.wait;
  }

  /* Frames */

  #take(frame) {
    this.#frame?.close();
    this.#frame = frame;
    if (now() - this.#encoded >= FRAME_MS) this.#encode(true);
  }

  #again() {
    if (this.#frame && this.#schedule.isAgainDue(now())) this.#encode(false);
  }

  #askKeyFrame() {
    this.#schedule.ask();
    this.#again();
  }

  #encode(isNew) {
    const { bitrate, side } = this.#pace;
    if (this.#lost !== undefined || this.encoder.isBusy || this.#pace.isFull(this.#socket.buffered)) return;
    this.#encoded = now();
    const isKey = this.#schedule.encode(this.#encoded, isNew) === "key";
    // Decoders want each time to be later than the one before.
    this.#time = Math.max(this.#time + 1, clock());
    const frame = new VideoFrame(this.#frame, { timestamp: this.#time });
    this.encoder.encode(frame, isKey, { bitrate, side });
    frame.close();
  }

  #send(kind, time, data, config) {
    if (this.#lost !== undefined) return;
    const chunk = encode(kind, time, data, config);
    if (chunk.length <= this.#limits.chunk_bytes_max) return this.#socket.send(chunk);
    this.#slowDown(TOO_LONG);
  }

  /** A chunk was not sent, or not taken. Those after it are useless up to a key frame. */
  #slowDown(factor) {
    this.#pace.limit(this.#pace.cap * factor);
    this.#schedule.restart();
  }

  async #takePicture() {
    const socket = this.#socket;
    const frame = this.#frame.clone();
    const picture = await this.#pictures.make(frame, this.#limits.picture_bytes_max).catch(() => undefined);
    frame.close();
    if (!picture || this.#isOver || socket !== this.#socket) return;
    this.#pictureBytes = picture.length;
    this.#send(PICTURE, clock(), picture);
  }

  /* The clock */

  #tick() {
    const time = now();
    if (this.#lost !== undefined) {
      this.#bar?.tell(texts.reconnecting);
      if (time >= this.#resume) {
        this.#resume = Infinity;
        this.#connect();
      }
      return this.#socket?.check(time);
    }
    const { buffered } = this.#socket;
    this.#pace.update(buffered, time);
    this.#again();
    const share = this.#pace.bitrate * PICTURE_SHARE;
    const isDue = this.#frame && !this.#pictures.isBusy && !this.#pace.isFull(buffered);
    if (isDue && this.#schedule.isPictureDue(time, this.#pictureBytes, share)) this.#takePicture();
    this.#bar.tell(this.#pace.bitrate < this.#pace.cap / 2 ? texts.slow : "");
    this.#socket.check(time);
  }

  /* The end */

  /** The choices were closed before the cast began. */
  cancel() {
    if (!this.#cast) this.#end();
  }

  /** The presenter stops, here or in the browser's own bar. */
  stop() {
    this.#end();
  }

  #end(problem) {
    if (this.#isOver) return;
    this.#isOver = true;
    casting = undefined;
    for (const stop of this.#stops) stop();
    for (const track of this.stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
    this.#socket?.close();
    this.encoder.close();
    this.#frame?.close();
    this.#bar?.remove();
    delete root.dataset.presents;
    storage((session) => session.removeItem(KEPT));
    key = randomKey();
    if (problem === "ended_replaced") import(new URL("cast.js", import.meta.url).href).then(({ check }) => check());
    if (problem) tell(problem);
    else choices.leave();
  }
}
