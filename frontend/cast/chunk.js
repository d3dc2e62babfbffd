// The chunks of a cast: binary messages of a kind (1 byte), a time (8 bytes, big-endian, in microseconds of the presenter's
// clock) and a payload. Before the data of a key frame and of sound stand the length (2 bytes) and the JSON of what a decoder
// needs to know.

export const KEY_FRAME = 1;
export const DELTA_FRAME = 2;
export const AUDIO = 3;
export const PICTURE = 4;

const HEAD_BYTES = 9;
const LENGTH_BYTES = 2;

const hasConfig = (kind) => kind === KEY_FRAME || kind === AUDIO;

/** Returns a chunk as bytes. `data` is a Uint8Array. */
export function encode(kind, time, data, config) {
  const json = hasConfig(kind) ? new TextEncoder().encode(JSON.stringify(config)) : undefined;
  const start = HEAD_BYTES + (json ? LENGTH_BYTES + json.length : 0);
  const bytes = new Uint8Array(start + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setBigUint64(1, BigInt(Math.round(time)));
  if (json) {
    view.setUint16(HEAD_BYTES, json.length);
    bytes.set(json, HEAD_BYTES + LENGTH_BYTES);
  }
  bytes.set(data, start);
  return bytes;
}

/** Reads a chunk. The server has looked at no more than its kind and lengths, so anything else may be wrong: then, undefined. */
export function parse(buffer) {
  if (buffer.byteLength <= HEAD_BYTES) return undefined;
  const view = new DataView(buffer);
  const chunk = { kind: view.getUint8(0), time: Number(view.getBigUint64(1)), config: undefined, data: undefined };
  let start = HEAD_BYTES;
  if (hasConfig(chunk.kind)) {
    if (buffer.byteLength < HEAD_BYTES + LENGTH_BYTES) return undefined;
    start += LENGTH_BYTES + view.getUint16(HEAD_BYTES);
    if (start >= buffer.byteLength) return undefined;
    chunk.config = readConfig(new Uint8Array(buffer, HEAD_BYTES + LENGTH_BYTES, start - HEAD_BYTES - LENGTH_BYTES));
    if (!chunk.config) return undefined;
  }
  chunk.data = new Uint8Array(buffer, start);
  return chunk;
}

function readConfig(bytes) {
  try {
    const config = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof config?.codec !== "string") return undefined;
    if (typeof config.description === "string") config.description = Uint8Array.from(atob(config.description), (c) => c.charCodeAt(0));
    return config;
  } catch {
    return undefined;
  }
}

/** A decoder's configuration, as the encoder describes it, in a form that JSON can hold. */
export function portable({ codec, codedWidth, codedHeight, sampleRate, numberOfChannels, description }) {
  const bytes = ArrayBuffer.isView(description) ? new Uint8Array(description.buffer, description.byteOffset, description.byteLength) : description;
  const base64 = bytes && btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return { codec, codedWidth, codedHeight, sampleRate, numberOfChannels, description: base64 };
}
