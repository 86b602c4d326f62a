// Makes a picture of a page smaller: large areas of one colour compress best without the filters that browsers apply.

import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = 8;

function* chunks(png) {
  for (let at = SIGNATURE; at < png.length; ) {
    const length = png.readUInt32BE(at);
    yield { type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) };
    at += 12 + length;
  }
}

function chunk(type, data) {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([head, body, check]);
}

/** The predictors of PNG (ISO/IEC 15948, 9.2), from the bytes to the left, above, and above to the left. */
const PREDICTORS = [
  () => 0, (a) => a, (a, b) => b, (a, b) => (a + b) >> 1,
  (a, b, c) => {
    const [left, up, corner] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
    return left <= up && left <= corner ? a : up <= corner ? b : c;
  },
];

/** The same picture, of 8 bits for each of red, green and blue, with or without alpha. */
export function smaller(png) {
  const all = [...chunks(png)];
  const header = all[0].data;
  const size = { 2: 3, 6: 4 }[header[9]];
  const stride = header.readUInt32BE(0) * size;
  const rows = inflateSync(Buffer.concat(all.filter(({ type }) => type === "IDAT").map(({ data }) => data)));
  let above = Buffer.alloc(stride);
  for (let start = 0; start < rows.length; start += stride + 1) {
    const row = rows.subarray(start + 1, start + 1 + stride);
    const predict = PREDICTORS[rows[start]];
    for (let at = 0; at < stride; at += 1) {
      row[at] += predict(at < size ? 0 : row[at - size], above[at], at < size ? 0 : above[at - size]);
    }
    rows[start] = 0;
    above = row;
  }
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([png.subarray(0, SIGNATURE), ...parts]);
}
