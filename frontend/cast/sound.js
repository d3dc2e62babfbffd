// The sound of a cast. Browsers play none before the reader asks for it.

/** Sound is played this late, so that an uneven connection leaves no gaps; and never later than the second number. In seconds. */
const AHEAD = 0.08;
const AHEAD_MAX = 0.4;

export class Sound {
  #context;
  #decoder;
  #next = 0;
  isThere = false;
  isOn = false;

  /** Called when the first sound arrives. */
  found = () => {};

  take(chunk) {
    if (!this.isThere) {
      this.isThere = true;
      this.found();
    }
    if (!this.isOn || !("AudioDecoder" in window)) return;
    try {
      if (this.#decoder?.state !== "configured") {
        this.#decoder = new AudioDecoder({ output: (data) => this.#play(data), error: () => {} });
        this.#decoder.configure(chunk.config);
      }
      this.#decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: chunk.time, data: chunk.data }));
    } catch {
      // The picture goes on without sound.
      this.isOn = false;
    }
  }

  /** Call it in an event of the reader. */
  switch(isOn) {
    this.isOn = isOn;
    if (isOn) this.#context ??= new AudioContext({ latencyHint: "interactive" });
    if (isOn) this.#context.resume();
    else this.#context?.suspend();
  }

  close() {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = undefined;
  }

  #play(data) {
    const context = this.#context;
    if (!this.isOn || !context) return data.close();
    const buffer = context.createBuffer(data.numberOfChannels, data.numberOfFrames, data.sampleRate);
    for (let channel = 0; channel < data.numberOfChannels; channel++) {
      data.copyTo(buffer.getChannelData(channel), { planeIndex: channel, format: "f32-planar" });
    }
    data.close();
    const now = context.currentTime;
    if (this.#next < now || this.#next > now + AHEAD_MAX) this.#next = now + AHEAD;
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    source.start(this.#next);
    this.#next += buffer.duration;
  }
}
