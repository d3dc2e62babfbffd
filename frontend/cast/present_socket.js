// A presenter's WebSocket: one attempt, from its beginning to its loss.

const FIRST_MS = 6000;
const SILENCE_MS = 5000;
/** A connection on which nothing leaves for this long is lost, although nobody says so. */
const STALL_MS = 6000;
const LOST = 4000;

export class PresentSocket {
  #silence = FIRST_MS;
  #heard;
  #moved;
  #waiting = 0;
  #on;
  #socket;

  /** `on` has `frame` for what the server says, and `lost` with the close code. */
  constructor(url, now, on) {
    this.#on = on;
    this.#heard = this.#moved = now;
    this.#socket = new WebSocket(url);
    this.#socket.onclose = ({ code }) => this.#lose(code);
    this.#socket.onmessage = ({ data }) => {
      this.#heard = performance.now();
      const frame = JSON.parse(data);
      if (frame.heartbeat_seconds) this.#silence = frame.heartbeat_seconds * 1000 + SILENCE_MS;
      on.frame(frame);
    };
  }

  get buffered() {
    return this.#socket.bufferedAmount;
  }

  send(bytes) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  /** Notices a connection that is lost without a word. Called several times a second. */
  check(now) {
    if (this.buffered === 0 || this.buffered < this.#waiting) this.#moved = now;
    this.#waiting = this.buffered;
    if (now - this.#heard > this.#silence || now - this.#moved > STALL_MS) this.#lose(1006);
  }

  /** The presenter stops: an orderly end, after which nothing is called. */
  close(code = 1000) {
    this.#socket.onclose = this.#socket.onmessage = null;
    this.#socket.close(code);
  }

  #lose(code) {
    // After this code the server waits for the presenter to come back.
    this.close(LOST);
    this.#on.lost(code);
  }
}
