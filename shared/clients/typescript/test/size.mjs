// Measures what a page downloads: the whole package, minified, and compressed as servers send it.

import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const LIMIT = 5 * 1024;

const { outputFiles } = await build({
  entryPoints: [new URL("../dist/esm/index.js", import.meta.url).pathname],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2021",
  write: false,
});
const minified = outputFiles[0].contents;
const compressed = gzipSync(minified, { level: 9 }).length;
console.log(`size: ${minified.length} bytes minified, ${compressed} compressed; at most ${LIMIT} compressed`);
if (compressed > LIMIT) process.exit(1);
