// Picture in picture: the frames of a cast as a video, in a window of the browser that stays above all others.

const FIRST_MS = 100;

/** A video that plays frames. Where frames can't be written to a track, the canvas is recorded. */
export class InPicture {
  #video;
  #writer;

  constructor(canvas, closed) {
    this.canvas = canvas;
    this.closed = closed;
  }

  isOpen = false;

  /** Call it in an event of the reader. */
  async open() {
    this.isOpen = true;
    this.#video ??= this.#make();
    // A video without frames does not begin to play, and a still screen sends none.
    const timer = setInterval(() => this.#write(new VideoFrame(this.canvas, { timestamp: 0 })), FIRST_MS);
    try {
      await this.#video.play();
      await this.#video.requestPictureInPicture();
    } catch {
      this.isOpen = false;
    } finally {
      clearInterval(timer);
    }
  }

  close() {
    if (document.pictureInPictureElement) document.exitPictureInPicture();
  }

  take(frame) {
    if (this.isOpen) this.#write(frame.clone());
  }

  #write(frame) {
    if (this.#writer?.desiredSize > 0) this.#writer.write(frame).catch(() => {});
    else frame.close();
  }

  #make() {
    const video = document.createElement("video");
    video.muted = true;
    let stream;
    if ("MediaStreamTrackGenerator" in window) {
      const track = new MediaStreamTrackGenerator({ kind: "video" });
      this.#writer = track.writable.getWriter();
      stream = new MediaStream([track]);
    } else {
      stream = this.canvas.captureStream();
    }
    video.srcObject = stream;
    video.onleavepictureinpicture = () => {
      this.isOpen = false;
      video.pause();
      this.closed();
    };
    return video;
  }
}
