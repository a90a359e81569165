// Base45 (RFC 9285): the text of a receipt's QR code.

import type { Bytes } from "../receipt/bytes";

/** The bytes of a text; null where it is no base45. */
export function fromBase45(text: string): Bytes | null {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 3) {
    const [c, d, e] = [0, 1, 2].map((place) => {
      const letter = text[at + place];
      return letter === undefined ? undefined : LETTERS.indexOf(letter);
    });
    if (c === undefined || d === undefined || c < 0 || d < 0) return null;
    if (e === undefined) {
      const byte = c + 45 * d;
      if (byte > 0xff) return null;
      bytes.push(byte);
    } else {
      const pair = c + 45 * d + 2025 * e;
      if (e < 0 || pair > 0xffff) return null;
      bytes.push(pair >> 8, pair & 0xff);
    }
  }
  return Uint8Array.from(bytes);
}

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
