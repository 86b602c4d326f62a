// Measures what a page downloads: each entry point, minified, and compressed as servers send it.

import { gzipSync } from "node:zlib";

import { build } from "esbuild";

/** The most bytes of an entry point, compressed. */
const LIMITS = { index: 5 * 1024, guest: 5.25 * 1024 };
/** What the app of a user does not download. */
const GUESTS_ONLY = "/v1/guest/token";

const { outputFiles } = await build({
  entryPoints: Object.keys(LIMITS).map((name) => new URL(`../dist/esm/${name}.js`, import.meta.url).pathname),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2021",
  write: false,
  outdir: "/",
});
let failed = false;
for (const { contents, path, text } of outputFiles) {
  const name = path.slice(1, -".js".length);
  const compressed = gzipSync(contents, { level: 9 }).length;
  console.log(`size of ${name}: ${contents.length} bytes minified, ${compressed} compressed; at most ${LIMITS[name]} compressed`);
  const foreign = (name === "guest") !== text.includes(GUESTS_ONLY);
  if (foreign) console.log(`${name}: the code for guests is in the wrong entry point`);
  failed ||= foreign || compressed > LIMITS[name];
}
if (failed) process.exit(1);
