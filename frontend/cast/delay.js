// How late the picture is: the time between the presenter's screen and this one. Their clocks may differ, so a time that can't
// be true counts from the smallest one that was seen.

/** A delay above this is a wrong clock, in milliseconds, as is one below zero. */
const PLAUSIBLE_MS = 3000;

export class Delay {
  #least = Infinity;

  /** Takes the time of a frame that is shown now. Both in milliseconds. */
  shown(now, time) {
    const raw = now - time;
    this.#least = Math.min(this.#least, raw);
    this.isExact = this.#least >= 0 && this.#least < PLAUSIBLE_MS;
    this.ms = this.isExact ? raw : raw - this.#least;
  }
}
