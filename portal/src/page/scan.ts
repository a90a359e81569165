// QR codes: from a picture, or from the camera where there is one. Pictures stay in this page.

import decodeQR from "qr/decode.js";

/** The text of the code in a picture; null where none is found. */
export async function textOfPicture(picture: Blob): Promise<string | null> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(picture);
  } catch {
    return null;
  }
  // A code of many modules needs its pixels; a photograph has too many of them.
  for (const longest of [Math.max(bitmap.width, bitmap.height), 1600, 1000]) {
    const text = textOf(bitmap, Math.min(1, longest / Math.max(bitmap.width, bitmap.height)));
    if (text !== null) return text;
  }
  return null;
}

/**
 * Looks through the camera until a code is read or `stop` is signalled; null then. Throws where
 * there is no camera or it may not be used.
 */
export async function textOfCamera(video: HTMLVideoElement, stop: AbortSignal): Promise<string | null> {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 } },
  });
  try {
    video.srcObject = stream;
    await video.play();
    while (!stop.aborted) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      if (video.videoWidth === 0) continue;
      const text = textOf(video, 1);
      if (text !== null) return text;
    }
    return null;
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}

function textOf(source: ImageBitmap | HTMLVideoElement, scale: number): string | null {
  const [wide, high] =
    source instanceof HTMLVideoElement
      ? [source.videoWidth, source.videoHeight]
      : [source.width, source.height];
  const width = Math.max(1, Math.round(wide * scale));
  const height = Math.max(1, Math.round(high * scale));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) return null;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(source, 0, 0, width, height);
  try {
    return decodeQR({ width, height, data: context.getImageData(0, 0, width, height).data });
  } catch {
    return null;
  }
}
