// What a viewer or a presenter does after the socket was lost, or was refused. Browsers don't say why, so the room's status is
// asked: `GET /api/rooms/{room}/cast`.

const CAST_OVER = 4502;
const isFinal = (code) => code >= 4500 && code <= 4999;
/** While pictures take the place of the video, the socket is tried again this often. */
const PICTURES_MS = 30_000;
/** The longest wait before the next attempt. */
const RETRY_MS = 8000;

/** A wait with full jitter, in milliseconds. `failures` counts attempts since the last success, `chance` is in 0..1. */
export const backOff = (failures, chance) => 250 + chance * Math.min(RETRY_MS, 500 * 2 ** failures);

/**
 * What a viewer does next. `code` is the close code, `status` what the server answered: undefined if it is away, false if the
 * reader may not read the room. `failures` counts the attempts since the last that held; `blocked` those of them after which the
 * server did answer.
 */
export function viewerAfter({ code, status, failures, blocked, chance }) {
  if (code === CAST_OVER || status?.cast === null) return { end: "over" };
  if (isFinal(code) || status === false) return { end: "refused" };
  if (status?.full) return { pictures: "full", wait: PICTURES_MS };
  if (status && blocked > 1) return { pictures: "blocked", wait: PICTURES_MS };
  return { wait: backOff(failures, chance) };
}

/** The server keeps a cast for this long without its presenter. One more try finds out whether it is over. */
const RESUME_MS = 35_000;

/**
 * What a presenter does next. `cast` is the own one, if it has begun; `lost` the time without a connection in milliseconds;
 * `failures` counts the attempts since then.
 */
export function presenterAfter({ code, status, cast, lost, failures, chance }) {
  const ends = { 4501: "ended_access", 4502: "ended_over", 4503: "ended_replaced", 4504: "ended_refused", 4505: "ended_fast" };
  if (ends[code] || isFinal(code)) return { end: ends[code] ?? "ended_refused" };
  if (status === false) return { end: "ended_access" };
  const isOwn = cast && status?.cast?.id === cast.id;
  if (status && cast && !isOwn) return { end: "ended_over" };
  if (status && !isOwn && !status.may_cast) return { end: status.why ?? "ended_refused" };
  // The server answers, but not on a socket. A cast of the same person has another key.
  if (status && !cast && failures > 1) return { end: status.cast ? "cast_busy" : "no_socket" };
  if (!status && lost > RESUME_MS) return { end: "ended_lost" };
  return { wait: Math.min(2500, backOff(failures, chance)) };
}
