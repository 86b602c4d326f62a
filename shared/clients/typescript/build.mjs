// Compiles the package into dist: for `import`, and for `require`.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const home = dirname(fileURLToPath(import.meta.url));
process.chdir(home);

function compile(...options) {
  const { status } = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", ".", ...options], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

rmSync("dist", { recursive: true, force: true });
compile("--outDir", "dist/esm");
compile("--outDir", "dist/cjs", "--module", "commonjs", "--moduleResolution", "bundler");
mkdirSync("dist/cjs", { recursive: true });
writeFileSync("dist/cjs/package.json", '{ "type": "commonjs" }\n');
copyFileSync("../../../LICENSE", "dist/LICENSE");
