// Compares the client in the console of the local stack with what the sources build: the console has no build step, so
// its copy is checked in. `node test/bundle.mjs --write` writes it.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const COPY = fileURLToPath(new URL("../../../local-stack/src/console/web/guestpass-client.js", import.meta.url));
const BANNER = "// Built from shared/clients/typescript by `node test/bundle.mjs --write`. Do not edit.\n";

const { outputFiles } = await build({
  absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
  entryPoints: ["src/index.ts"],
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  banner: { js: BANNER.trim() },
  write: false,
});
const built = outputFiles[0].text;
if (process.argv.includes("--write")) {
  writeFileSync(COPY, built);
} else if (readFileSync(COPY, "utf8") !== built) {
  console.error("the client in the console is not what the sources build: run `node test/bundle.mjs --write` in shared/clients/typescript");
  process.exit(1);
}
