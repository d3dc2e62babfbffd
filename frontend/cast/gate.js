// Which chunks a viewer decodes. A delta frame without those before it is useless, and a decoder that falls behind must not make
// the whole picture late: it goes on at the next key frame.

/** So many frames may wait for the decoder. A group, which a viewer gets at once when joining, has up to 2 s of them. */
const WAITING_MAX = 120;
/** From half a second on, a key frame is better than what waits before it. */
const LATE = 15;

export class Gate {
  #isOpen = false;

  /** What to do with a frame: "decode"; "restart" with it, because what still waits is out of date; or "drop". */
  take(isKey, waiting) {
    if (isKey) {
      this.#isOpen = true;
      return waiting > LATE ? "restart" : "decode";
    }
    if (waiting > WAITING_MAX) this.#isOpen = false;
    return this.#isOpen ? "decode" : "drop";
  }

  /** Frames are missing. */
  close() {
    this.#isOpen = false;
  }
}
