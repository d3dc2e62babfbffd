// A viewer's WebSocket: one attempt, from its beginning to its loss.

/** What the server says first must come within this time; a proxy that holds it back lets nothing live through. */
const FIRST_MS = 3000;
/** Beyond the time between two heartbeats. */
const SILENCE_MS = 5000;

/**
 * Opens the socket. `on` has `frame` for what the server says, `chunk` for binary messages, and `lost` with the close code when
 * it is over. Returns the function that closes it, after which nothing is called.
 */
export function openView(url, on) {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  let silence = FIRST_MS;
  let timer;
  const close = () => {
    clearTimeout(timer);
    socket.onmessage = socket.onclose = null;
    socket.close();
  };
  const lose = (code) => {
    close();
    on.lost(code);
  };
  const listen = () => {
    clearTimeout(timer);
    timer = setTimeout(lose, silence, 1006);
  };
  listen();
  socket.onclose = ({ code }) => lose(code);
  socket.onmessage = ({ data }) => {
    listen();
    if (typeof data !== "string") return on.chunk(data);
    const frame = JSON.parse(data);
    if (frame.heartbeat_seconds) silence = frame.heartbeat_seconds * 1000 + SILENCE_MS;
    on.frame(frame);
  };
  return close;
}
