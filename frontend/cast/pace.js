// How fast a presenter sends: the bitrate and the size of the picture follow what the connection takes. What is not sent yet
// would reach viewers late, so frames are left out before they are encoded.

/** In bits a second. */
export const BITRATE_MIN = 150_000;
/** A part of it is for the pictures of viewers who can't play the video. */
export const PICTURE_SHARE = 0.2;
/** Waiting bytes, in seconds at the present bitrate: from here on frames are left out, the bitrate falls, or may rise. */
const SECONDS_FULL = 0.5;
const SECONDS_LATE = 0.3;
const SECONDS_FREE = 0.05;
/** Between two steps down, and before a step up. */
const FALL_PAUSE_MS = 1000;
const RISE_PAUSE_MS = 4000;
const FALL = 0.65;
const RISE = 1.15;
/** The longest side of the picture, by the bitrate from which a larger one is worth it. */
const SIDES = [
  [800_000, 1920],
  [350_000, 1280],
  [0, 960],
];

export class Pace {
  /** `cap` is the highest bitrate. */
  constructor(cap, now) {
    this.cap = this.bitrate = cap;
    this.changed = this.busy = now;
  }

  /** The server or the presenter allows another bitrate from now on. */
  limit(cap) {
    this.cap = Math.max(cap, BITRATE_MIN);
    this.bitrate = Math.min(this.bitrate, this.cap);
  }

  /** Adapts to the number of bytes that wait in the socket. Called several times a second. */
  update(buffered, now) {
    const seconds = this.#seconds(buffered);
    if (seconds > SECONDS_FREE) this.busy = now;
    if (seconds > SECONDS_LATE && now - this.changed >= FALL_PAUSE_MS) this.#change(FALL, now);
    else if (now - Math.max(this.busy, this.changed) >= RISE_PAUSE_MS && this.bitrate < this.cap) this.#change(RISE, now);
  }

  /** True if the next frame would wait for too long. */
  isFull(buffered) {
    return this.#seconds(buffered) > SECONDS_FULL;
  }

  /** The connection was lost; the new one may be another. */
  reset(now) {
    this.changed = this.busy = now;
  }

  /** The longest side of the picture. */
  get side() {
    return SIDES.find(([bitrate]) => this.bitrate >= bitrate)[1];
  }

  #seconds(buffered) {
    return (buffered * 8) / this.bitrate;
  }

  #change(factor, now) {
    this.bitrate = Math.round(Math.min(this.cap, Math.max(BITRATE_MIN, this.bitrate * factor)));
    this.changed = now;
  }
}

/** The size of the encoded picture: as large as the screen, at most `side` long, even as some codecs want. */
export function fit(width, height, side) {
  const scale = Math.min(1, side / Math.max(width, height));
  const even = (length) => Math.max(2, 2 * Math.round((length * scale) / 2));
  return { width: even(width), height: even(height) };
}
