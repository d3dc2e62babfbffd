// Encodes frames as video, sound as Opus, and pictures as JPEG.

import { AUDIO, DELTA_FRAME, KEY_FRAME, portable } from "./chunk.js";
import { fit } from "./pace.js";

/** The formats, best supported first. */
const CODECS = { vp8: "vp8", vp9: "vp09.00.40.08", av1: "av01.0.08M.08", h264: "avc1.640028" };
const FRAMES_PER_SECOND = 30;
/** So many frames may wait for the encoder; others are left out. */
const WAITING_MAX = 1;
/** A bitrate that differs by less is not worth a new configuration. */
const BITRATE_STEP = 0.1;

const configOf = (name, { width, height }, bitrate) => ({
  codec: CODECS[name],
  width,
  height,
  bitrate,
  framerate: FRAMES_PER_SECOND,
  latencyMode: "realtime",
  // Delta frames and parameter sets in one stream, so that decoders need no description.
  ...(name === "h264" && { avc: { format: "annexb" } }),
});

/** The names of the formats that this browser encodes. */
export async function supportedCodecs() {
  if (!("VideoEncoder" in window)) return [];
  const asked = Object.keys(CODECS).map(async (name) => {
    const { supported } = await VideoEncoder.isConfigSupported(configOf(name, { width: 1280, height: 720 }, 1e6)).catch(() => ({}));
    return supported && name;
  });
  return (await Promise.all(asked)).filter(Boolean);
}

export class Encoder {
  #encoder;
  #size = {};
  #bitrate = 0;
  #config;

  /** Calls `encoded(kind, time, data, config)` for each frame, and `failed` if the browser's encoder breaks. */
  constructor(codec, encoded, failed) {
    this.codec = codec;
    this.#encoder = new VideoEncoder({ output: (chunk, metadata) => this.#output(chunk, metadata, encoded), error: failed });
  }

  get isBusy() {
    return this.#encoder.encodeQueueSize >= WAITING_MAX;
  }

  /** True if a frame of this size begins a new configuration, and so must be a key frame. */
  resizes(frame, side) {
    const { width, height } = fit(frame.displayWidth, frame.displayHeight, side);
    return width !== this.#size.width || height !== this.#size.height;
  }

  encode(frame, isKey, { bitrate, side }) {
    const isNew = this.resizes(frame, side);
    if (isNew || Math.abs(bitrate - this.#bitrate) > this.#bitrate * BITRATE_STEP) {
      this.#size = fit(frame.displayWidth, frame.displayHeight, side);
      this.#bitrate = bitrate;
      this.#encoder.configure(configOf(this.codec, this.#size, bitrate));
    }
    this.#encoder.encode(frame, { keyFrame: isKey || isNew });
  }

  close() {
    if (this.#encoder.state !== "closed") this.#encoder.close();
  }

  #output(chunk, metadata, encoded) {
    if (metadata?.decoderConfig) this.#config = portable(metadata.decoderConfig);
    const data = new Uint8Array(chunk.byteLength);
    chunk.copyTo(data);
    const isKey = chunk.type === "key";
    encoded(isKey ? KEY_FRAME : DELTA_FRAME, chunk.timestamp, data, isKey ? this.#config : undefined);
  }
}

/** Encodes the sound of a track, where the browser can. Returns the function that stops it. */
export function encodeSound(track, clock, encoded) {
  if (!track || !("AudioEncoder" in window) || !("MediaStreamTrackProcessor" in window)) return () => {};
  let config;
  const encoder = new AudioEncoder({
    output: (chunk, metadata) => {
      if (metadata?.decoderConfig) config = portable(metadata.decoderConfig);
      const data = new Uint8Array(chunk.byteLength);
      chunk.copyTo(data);
      encoded(AUDIO, clock(), data, config);
    },
    error: () => {},
  });
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
  const read = async () => {
    for (let next; !(next = await reader.read()).done; next.value.close()) {
      const { sampleRate, numberOfChannels } = next.value;
      if (encoder.state === "unconfigured") encoder.configure({ codec: "opus", sampleRate, numberOfChannels, bitrate: 64_000 });
      if (encoder.state === "configured") encoder.encode(next.value);
    }
  };
  read().catch(() => {});
  return () => {
    reader.cancel().catch(() => {});
    if (encoder.state !== "closed") encoder.close();
  };
}

/** The longest side of a picture, and its first quality. */
const PICTURE_SIDE = 1280;
const QUALITY = 0.7;
const QUALITY_MIN = 0.2;

/** Makes the pictures for viewers who can't play the video. */
export class Pictures {
  #canvas = new OffscreenCanvas(2, 2);
  #context = this.#canvas.getContext("2d", { alpha: false });
  #quality = QUALITY;
  isBusy = false;

  /** Returns a frame as JPEG; undefined if it is too large, and the next one will be smaller. */
  async make(frame, bytesMax) {
    this.isBusy = true;
    try {
      const { width, height } = fit(frame.displayWidth, frame.displayHeight, PICTURE_SIDE);
      Object.assign(this.#canvas, { width, height });
      this.#context.drawImage(frame, 0, 0, width, height);
      const blob = await this.#canvas.convertToBlob({ type: "image/jpeg", quality: this.#quality });
      const isSmall = blob.size <= bytesMax;
      this.#quality = isSmall ? Math.min(QUALITY, this.#quality + 0.05) : Math.max(QUALITY_MIN, this.#quality * 0.7);
      return isSmall ? new Uint8Array(await blob.arrayBuffer()) : undefined;
    } finally {
      this.isBusy = false;
    }
  }
}
