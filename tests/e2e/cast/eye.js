// Notes what the stage draws: the number in the barcode, the time, and whether it is a frame of the video.
{
  const bits = 16;
  window.seen = [];
  const copy = new OffscreenCanvas(bits, 1).getContext("2d", { willReadFrequently: true });
  copy.imageSmoothingEnabled = false;
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (image, ...place) {
    draw.call(this, image, ...place);
    if (!this.canvas.closest("#cast")) return;
    const { width } = this.canvas;
    // One pixel of each bar, read at once: more would take as long as the decoder does.
    copy.drawImage(image, 0, width / bits / 2, width, 1, 0, 0, bits, 1);
    const { data } = copy.getImageData(0, 0, bits, 1);
    let number = 0;
    for (let bit = 0; bit < bits; bit++) if (data[4 * bit] < 128) number |= 1 << bit;
    seen.push([number, performance.timeOrigin + performance.now(), image instanceof VideoFrame]);
  };
  // When the stage's socket began to open, and the viewer's sockets, so that a test can cut them.
  window.sockets = [];
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...how) {
      super(...how);
      if (this.url.endsWith("/view")) sockets.push([performance.timeOrigin + performance.now(), this]);
    }
  };
}
