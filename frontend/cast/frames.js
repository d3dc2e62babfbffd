// The frames of a captured screen.

/** Starts a clock that also runs while the page is hidden. Returns the function that stops it. */
export function everyTick(ms, act) {
  const worker = new Worker(new URL("ticks.js", import.meta.url));
  worker.onmessage = act;
  worker.postMessage(ms);
  return () => worker.terminate();
}

/** Of browsers that give frames to workers only, or not at all. */
const VIDEO_MS = 1000 / 30;

/** Calls `take` with each frame of the track, which it must close. Returns the function that stops it. */
export function readFrames(track, take) {
  if (!("MediaStreamTrackProcessor" in window)) return readVideo(track, take);
  const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: 2 }).readable.getReader();
  const read = async () => {
    for (let next; !(next = await reader.read()).done; ) take(next.value);
  };
  read().catch(() => {});
  return () => reader.cancel().catch(() => {});
}

/** Reads a video that plays the track. `requestVideoFrameCallback` is silent while the page is hidden. */
function readVideo(track, take) {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, playsInline: true, srcObject: new MediaStream([track]) });
  video.play().catch(() => {});
  let last = -1;
  const stop = everyTick(VIDEO_MS, () => {
    if (video.readyState < 2 || video.currentTime === last) return;
    last = video.currentTime;
    take(new VideoFrame(video, { timestamp: 0 }));
  });
  return () => {
    stop();
    video.srcObject = null;
  };
}
