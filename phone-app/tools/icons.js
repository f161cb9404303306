/** Draws the app's icons: the two halves of a tally stick. Run by hand (`npm run icons`); the PNGs are committed. */

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";

const GROUND = [0x20, 0x30, 0x6b];
const LEFT = [0xff, 0xff, 0xff];
const RIGHT = [0x9d, 0xb7, 0xf9];

// The cut, from top to bottom, on a square of 24: both halves follow it, so that they fit.
const CUT = [[0, 12.2], [8.2, 12.2], [10.2, 9.6], [14, 14.2], [16, 11.8], [24, 11.8]];
const GAP = 0.42;
const STICK = { left: 6.6, right: 17.4, top: 4, bottom: 20, radius: 1.5 };
const SAMPLES = 5;

for (const [name, size, isFull] of [
  ["icon-180.png", 180, true],
  ["icon-192.png", 192, false],
  ["icon-512.png", 512, false],
  ["icon-maskable-512.png", 512, true],
]) {
  const path = fileURLToPath(new URL(`../app/${name}`, import.meta.url));
  writeFileSync(path, png(size, draw(size, isFull)));
}

/** The RGBA rows of one icon; a full one leaves its corners to the system that masks it. */
function draw(size, isFull) {
  const rows = Buffer.alloc(size * (size * 4 + 1));
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      pixel(x, y, size, isFull).forEach((value, at) => {
        rows[y * (size * 4 + 1) + 1 + x * 4 + at] = value;
      });
    }
  }
  return rows;
}

/** One pixel, averaged over a grid of samples. */
function pixel(x, y, size, isFull) {
  const sum = [0, 0, 0, 0];
  for (let at = 0; at < SAMPLES ** 2; at += 1) {
    const u = ((x + ((at % SAMPLES) + 0.5) / SAMPLES) * 24) / size;
    const v = ((y + (Math.floor(at / SAMPLES) + 0.5) / SAMPLES) * 24) / size;
    const color = colorAt(u, v, isFull);
    if (color !== null) {
      color.forEach((value, channel) => (sum[channel] += value));
      sum[3] += 255;
    }
  }
  const covered = sum[3] / 255;
  return covered === 0
    ? [0, 0, 0, 0]
    : [...sum.slice(0, 3).map((value) => Math.round(value / covered)), Math.round(sum[3] / SAMPLES ** 2)];
}

function colorAt(x, y, isFull) {
  if (!isFull && !inRounded(x, y, { left: 0, right: 24, top: 0, bottom: 24, radius: 5 })) {
    return null;
  }
  if (!inRounded(x, y, STICK)) {
    return GROUND;
  }
  const distance = x - cutAt(y);
  return Math.abs(distance) < GAP ? GROUND : distance < 0 ? LEFT : RIGHT;
}

function cutAt(y) {
  const after = CUT.findIndex(([at]) => at >= y);
  const [[y0, x0], [y1, x1]] = [CUT[Math.max(0, after - 1)], CUT[Math.max(1, after)]];
  return x0 + ((x1 - x0) * (y - y0)) / (y1 - y0);
}

function inRounded(x, y, { left, right, top, bottom, radius }) {
  const dx = Math.max(left + radius - x, x - right + radius, 0);
  const dy = Math.max(top + radius - y, y - bottom + radius, 0);
  return Math.hypot(dx, dy) <= radius;
}

/** A PNG file of 8-bit RGBA rows (RFC 2083). */
function png(size, rows) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), body.length + 4);
  return whole;
}

function crc32(bytes) {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
    }
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
