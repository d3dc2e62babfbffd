// Notes what the stage draws: the number in the barcode, the time, and whether it is a frame of the video.
{
  const bits = 16;
  window.seen = [];
  const copy = new OffscreenCanvas(bits, 1).getContext("2d", { willReadFrequently: true });
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (image, ...place) {
    draw.call(this, image, ...place);
    if (!this.canvas.closest("#cast")) return;
    const { width } = this.canvas;
    const side = width / bits;
    let number = 0;
    for (let bit = 0; bit < bits; bit++) {
      copy.drawImage(image, (bit + 0.5) * side, side / 2, 1, 1, 0, 0, 1, 1);
      if (copy.getImageData(0, 0, 1, 1).data[0] < 128) number |= 1 << bit;
    }
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
