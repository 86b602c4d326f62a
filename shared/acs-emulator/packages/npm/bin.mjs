#!/usr/bin/env node
// Runs the program of the package for this machine, and ends as it ends.

import { spawn } from "node:child_process";

import { binary } from "./index.mjs";

const program = spawn(binary(), process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => program.kill(signal));
}
program.on("error", (error) => {
  console.error(`acs-emulator: ${error.message}`);
  process.exitCode = 1;
});
program.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
