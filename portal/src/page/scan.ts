// QR codes: from a picture, or from the camera where there is one. Pictures stay in this page.

import decodeQR from "qr/decode.js";

/** The text of the code in a picture; null where none is found. */
export async function textOfPicture(picture: Blob): Promise<string | null> {
  let image: ImageBitmap | HTMLImageElement;
  try {
    image = await createImageBitmap(picture);
  } catch {
    const drawing = await drawn(picture);
    if (drawing === null) return null;
    image = drawing;
  }
  // A code of many modules needs its pixels; a photograph has too many of them.
  const longer = Math.max(image.width, image.height);
  for (const longest of [longer, 1600, 1000]) {
    const text = textOf(image, Math.min(1, longest / longer));
    if (text !== null) return text;
  }
  return null;
}

/**
 * An SVG drawing as large as a code needs it; null where it is none. As an image it runs nothing
 * and loads nothing.
 */
async function drawn(picture: Blob): Promise<HTMLImageElement | null> {
  if (picture.size > MAX_DRAWING) return null;
  const text = await picture.text();
  const root = /<svg\b[^>]*>/i.exec(text);
  if (root === null) return null;
  const box = /\bviewBox=["']\s*[\d.-]+[\s,]+[\d.-]+[\s,]+([\d.]+)[\s,]+([\d.]+)/.exec(root[0]);
  const side = (name: string) => new RegExp(`\\s${name}=["']\\s*([\\d.]+)`).exec(root[0])?.[1];
  const [wide, high] = [Number(box?.[1] ?? side("width")), Number(box?.[2] ?? side("height"))];
  if (!(wide > 0 && high > 0)) return null;
  // Whole pixels to a module, where a unit is one.
  const exact = DRAWN / Math.max(wide, high);
  const scale = exact > 1 ? Math.floor(exact) : exact;
  const image = new Image(Math.ceil(wide * scale), Math.ceil(high * scale));
  const sized = root[0]
    .replace(/\s(width|height)=("[^"]*"|'[^']*')/g, "")
    .replace(/^<svg/i, `<svg width="${image.width}" height="${image.height}"`);
  const whole = text.slice(0, root.index) + sized + text.slice(root.index + root[0].length);
  image.src = `data:image/svg+xml,${encodeURIComponent(whole)}`;
  try {
    await image.decode();
    return image;
  } catch {
    return null;
  }
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

function textOf(source: ImageBitmap | HTMLImageElement | HTMLVideoElement, scale: number): string | null {
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

const MAX_DRAWING = 4 << 20;
/** Pixels of the longer side. */
const DRAWN = 2000;
