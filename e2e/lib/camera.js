/** What a phone's camera sees: a picture on a white wall, as a film that Chromium plays to the page. */

import { writeFile } from 'node:fs/promises';

import { PNG } from 'pngjs';

const WIDE = 640;
const HIGH = 480;

/**
 * Writes a film of one picture; gives the flags for a phone that sees nothing else.
 * @param {string} path
 * @param {Buffer} png
 */
export async function seeing(path, png) {
  const picture = PNG.sync.read(png);
  const scale = Math.min(1, (HIGH - 40) / picture.height, (WIDE - 40) / picture.width);
  const [width, height] = [picture.width, picture.height].map((side) => Math.floor(side * scale));
  const luma = Buffer.alloc(WIDE * HIGH, 235);
  const [left, top] = [(WIDE - width) >> 1, (HIGH - height) >> 1];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const from = (Math.floor(y / scale) * picture.width + Math.floor(x / scale)) * 4;
      luma[(top + y) * WIDE + left + x] = 16 + (picture.data[from] * 219) / 255;
    }
  }
  const frame = Buffer.concat([Buffer.from('FRAME\n'), luma, Buffer.alloc((WIDE * HIGH) / 2, 128)]);
  const head = Buffer.from(`YUV4MPEG2 W${WIDE} H${HIGH} F10:1 Ip A1:1 C420jpeg\n`);
  await writeFile(path, Buffer.concat([head, ...Array(10).fill(frame)]));
  return ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${path}`];
}
