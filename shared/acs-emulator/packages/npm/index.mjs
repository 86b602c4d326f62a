// The ACS emulator: an Azure Communication Services Identity service for tests.
//
//     const emulator = await start();
//     const client = new CommunicationIdentityClient(emulator.connectionString, {
//       allowInsecureConnection: true,
//     });
//     await emulator.stop();

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** The program of the package for this machine. */
export function binary() {
  const name = `acs-emulator-${process.platform}-${process.arch}`;
  const program = process.platform === "win32" ? "acs-emulator.exe" : "acs-emulator";
  try {
    return createRequire(import.meta.url).resolve(`${name}/${program}`);
  } catch (cause) {
    const why = "this system is not supported, or optional dependencies were left out";
    throw new Error(`the package ${name} is missing: ${why}`, { cause });
  }
}

/**
 * Starts an emulator on free ports of this machine, with options of its command line. Each emulator
 * is an empty resource of its own. Its log goes to stderr.
 */
export async function start(options = []) {
  const data = await mkdtemp(join(tmpdir(), "acs-emulator-"));
  const own = ["--data", data, "--https-port", "0", "--exit-with-stdin"];
  const program = spawn(binary(), [...own, ...options], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => program.once("exit", resolve).once("error", resolve));
  const stop = async () => {
    program.stdin.end();
    await ended;
    await rm(data, { recursive: true, force: true });
  };
  const values = await announced(program);
  if (!values.has("kept in")) {
    await stop();
    throw new Error("acs-emulator did not start: its message is on stderr");
  }
  const connectionString = values.get("connection string");
  return {
    endpoint: values.get("endpoint"),
    connectionString,
    accessKey: connectionString.split("accesskey=")[1],
    httpsEndpoint: values.get("https endpoint"),
    httpsConnectionString: values.get("https connection"),
    /** The file of the certificate that clients of https have to trust. */
    caCert: values.get("https certificate"),
    stop,
  };
}

async function announced(program) {
  const values = new Map();
  for await (const line of createInterface({ input: program.stdout })) {
    const [name, value] = line.split(/ {2,}/);
    values.set(name, value);
    if (name === "kept in") break;
  }
  return values;
}
