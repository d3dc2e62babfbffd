// A screen to show: each of its pictures carries its number as a barcode, and a text that people could read.
{
  const [width, height, bits] = [800, 600, 16];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  // When each picture was drawn.
  const drawn = (window.drawn = [0]);
  const draw = () => {
    const number = drawn.length;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#000";
    for (let bit = 0; bit < bits; bit++) if ((number >> bit) & 1) context.fillRect((bit * width) / bits, 0, width / bits, width / bits);
    context.font = "16px monospace";
    for (let line = 0; line < 20; line++) context.fillText(`${line + (number >> 6)}. A line that stays for two seconds. 这一行停留两秒。`, 20, 90 + line * 24);
    drawn.push(performance.timeOrigin + performance.now());
  };
  setInterval(draw, 1000 / 30);
  if (navigator.mediaDevices) navigator.mediaDevices.getDisplayMedia = async () => (window.screenStream = canvas.captureStream(30));
}
