// Turns the chunks of a cast into frames and sound.

import { AUDIO, DELTA_FRAME, KEY_FRAME } from "./chunk.js";
import { Gate } from "./gate.js";
import { Sound } from "./sound.js";

/** So many errors without a frame between them mean that the video can't be played here. */
const ERRORS_MAX = 3;

export const canPlay = () => "VideoDecoder" in window;

export class Player {
  #gate = new Gate();
  #decoder;
  #config = "";
  #errors = 0;
  sound = new Sound();

  /** Calls `shown` with each frame, which it must close, and `failed` if the video can't be played here. */
  constructor(shown, failed) {
    this.shown = shown;
    this.failed = failed;
  }

  take(chunk) {
    if (chunk.kind === AUDIO) return this.sound.take(chunk);
    if (chunk.kind !== KEY_FRAME && chunk.kind !== DELTA_FRAME) return;
    const isKey = chunk.kind === KEY_FRAME;
    const act = this.#gate.take(isKey, this.waiting);
    if (act === "drop") return;
    try {
      if (isKey) this.#prepare(chunk.config, act === "restart");
      this.#decoder.decode(new EncodedVideoChunk({ type: isKey ? "key" : "delta", timestamp: chunk.time, data: chunk.data }));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Chunks are missing. */
  skip() {
    this.#gate.close();
  }

  close() {
    this.#closeDecoder();
    this.#gate.close();
    this.sound.close();
  }

  /** How many frames wait for the decoder. */
  get waiting() {
    return this.#decoder?.decodeQueueSize ?? 0;
  }

  /** The codec of the video. */
  codec = "";

  #prepare(config, isRestart) {
    const words = JSON.stringify(config);
    if (this.#decoder?.state === "configured" && words === this.#config && !isRestart) return;
    this.#closeDecoder();
    const decoder = new VideoDecoder({
      output: (frame) => {
        if (this.#decoder !== decoder) return frame.close();
        this.#errors = 0;
        this.shown(frame);
      },
      error: (error) => this.#decoder === decoder && this.#fail(error),
    });
    this.#decoder = decoder;
    this.#config = words;
    this.codec = config.codec;
    decoder.configure({ ...config, optimizeForLatency: true });
  }

  #fail(error) {
    this.#closeDecoder();
    this.#gate.close();
    if (error.name === "NotSupportedError" || error.name === "TypeError" || ++this.#errors >= ERRORS_MAX) this.failed();
  }

  #closeDecoder() {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = undefined;
  }
}
