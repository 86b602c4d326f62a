// Measures what a page downloads: each entry point, minified, and compressed as servers send it.

import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const KB = 1024;
/** The most bytes of an entry point: compressed, and minified. */
const LIMITS = { index: [4.5 * KB, 10 * KB], guest: [5.25 * KB, 12 * KB], teams: [4.75 * KB, 10.5 * KB] };
/** What only the app of a guest, or of a Teams user, downloads. */
const ONLY = { guest: "/v1/guest/token", teams: "/v1/token/teams" };

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
  const [mostCompressed, mostMinified] = LIMITS[name];
  console.log(`size of ${name}: ${contents.length} bytes minified, at most ${mostMinified}; ${compressed} compressed, at most ${mostCompressed}`);
  const foreign = Object.entries(ONLY).some(([owner, route]) => (name === owner) !== text.includes(route));
  if (foreign) console.log(`${name}: code of another entry point is in it`);
  failed ||= foreign || compressed > mostCompressed || contents.length > mostMinified;
}
if (failed) process.exit(1);
