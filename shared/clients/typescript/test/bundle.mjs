// Compares the clients in the pages that have no build step, the console of the local stack and the page of guests, with
// what the sources build: their copies are checked in. `node test/bundle.mjs --write` writes them.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const COPIES = {
  "src/index.ts": "../../../local-stack/src/console/web/guestpass-client.js",
  "src/guest.ts": "../../guest-page/guestpass-guest.js",
};
const BANNER = "// Built from shared/clients/typescript by `node test/bundle.mjs --write`. Do not edit.\n";

for (const [entry, copy] of Object.entries(COPIES)) {
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    banner: { js: BANNER.trim() },
    write: false,
  });
  const built = outputFiles[0].text;
  const path = fileURLToPath(new URL(copy, import.meta.url));
  if (process.argv.includes("--write")) {
    writeFileSync(path, built);
  } else if (readFileSync(path, "utf8") !== built) {
    console.error(`${path} is not what the sources build: run \`node test/bundle.mjs --write\` in shared/clients/typescript`);
    process.exitCode = 1;
  }
}
