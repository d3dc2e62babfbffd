// When a presenter encodes which frame. A screen that does not change gives no frames, so the newest one is kept: a viewer who
// asks for a key frame gets it, and a blurred one is encoded again until it is sharp.

/** A viewer who joins waits for at most this long. */
const KEY_FRAME_MS = 2000;
/** Between two key frames that viewers asked for. */
const ASKED_MS = 1000;
/** A still picture is encoded again this often, so many times. */
const REFINE_MS = 200;
const REFINE_COUNT = 8;
const PICTURE_MS = 1000;

export class Schedule {
  #key = -Infinity;
  #frame = -Infinity;
  #isAsked = true;
  #refined = 0;
  #picture = -Infinity;
  #pictured = false;

  /** Somebody needs a key frame: a viewer, a new connection, a new size. */
  ask() {
    this.#isAsked = true;
  }

  /** A new connection has nothing yet. */
  restart() {
    this.#key = this.#picture = -Infinity;
    this.#isAsked = true;
    this.#pictured = false;
  }

  /** How to encode a frame: "key" or "delta". `isNew` is false for the frame that was encoded before. */
  encode(now, isNew) {
    const isKey = now - this.#key >= KEY_FRAME_MS || this.#isDue(now);
    if (isKey) [this.#key, this.#isAsked] = [now, false];
    this.#frame = now;
    this.#refined = isNew ? 0 : this.#refined + 1;
    if (isNew) this.#pictured = false;
    return isKey ? "key" : "delta";
  }

  /** True if the frame that was encoded before must be encoded again. */
  isAgainDue(now) {
    if (this.#isDue(now)) return true;
    return this.#refined < REFINE_COUNT && now - this.#frame >= REFINE_MS;
  }

  /** True if a picture must be made. `bytes` is the size of the last one, `bitrate` what pictures may take. */
  isPictureDue(now, bytes, bitrate) {
    const pause = Math.max(PICTURE_MS, (bytes * 8 * 1000) / bitrate);
    if (this.#pictured || now - this.#picture < pause) return false;
    this.#picture = now;
    // The last picture of a still screen must be a sharp one.
    this.#pictured = this.#refined >= REFINE_COUNT;
    return true;
  }

  #isDue(now) {
    return this.#isAsked && now - this.#key >= ASKED_MS;
  }
}
