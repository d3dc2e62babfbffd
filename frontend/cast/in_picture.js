// Picture in picture: the frames of a cast as a video, in a window of the browser that stays above all others.

/** A video that plays frames. Where frames can't be written to a track, the canvas is recorded. */
export class InPicture {
  #video;
  #writer;

  constructor(canvas, closed) {
    this.canvas = canvas;
    this.closed = closed;
  }

  get isOpen() {
    return !!this.#video && document.pictureInPictureElement === this.#video;
  }

  /** Call it in an event of the reader. */
  async open() {
    this.#video ??= this.#make();
    await this.#video.play();
    await this.#video.requestPictureInPicture();
  }

  close() {
    if (this.isOpen) document.exitPictureInPicture();
  }

  take(frame) {
    if (this.isOpen && this.#writer && frame instanceof VideoFrame && this.#writer.desiredSize > 0) this.#writer.write(frame.clone());
  }

  #make() {
    const video = document.createElement("video");
    video.muted = true;
    let stream;
    if ("MediaStreamTrackGenerator" in window) {
      const track = new MediaStreamTrackGenerator({ kind: "video" });
      this.#writer = track.writable.getWriter();
      this.#writer.write(new VideoFrame(this.canvas, { timestamp: 0 }));
      stream = new MediaStream([track]);
    } else {
      stream = this.canvas.captureStream();
    }
    video.srcObject = stream;
    video.onleavepictureinpicture = this.closed;
    return video;
  }
}
