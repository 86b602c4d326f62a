// Uses the installed npm packages with Microsoft's SDK for JavaScript, as the tests of an app would.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { test } from "node:test";

import { AzureKeyCredential } from "@azure/core-auth";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { start } from "acs-emulator";

const HTTP = { allowInsecureConnection: true };
const PROGRAM = "node_modules/.bin/acs-emulator";

async function started(options, use) {
  const emulator = await start(options);
  try {
    await use(emulator);
  } finally {
    await emulator.stop();
  }
}

test("the SDK creates a user by connection string", () =>
  started([], async (emulator) => {
    const client = new CommunicationIdentityClient(emulator.connectionString, HTTP);
    const { user, token } = await client.createUserAndToken(["voip"]);
    assert.match(user.communicationUserId, /^8:acs:/);
    assert.equal(token.split(".").length, 3);
    await client.deleteUser(user);
  }));

test("the SDK creates a user by key, and a wrong key is refused", () =>
  started(["--cloud", "dod"], async (emulator) => {
    const made = (key) => new CommunicationIdentityClient(emulator.endpoint, new AzureKeyCredential(key), HTTP);
    const user = await made(emulator.accessKey).createUser();
    assert.match(user.communicationUserId, /^8:dod-acs:/);
    await assert.rejects(made("d3Jvbmc=").createUser(), { statusCode: 401 });
  }));

test("the SDK creates a user over https, if Node.js trusts the certificate", () =>
  started([], (emulator) => {
    const script = `import { CommunicationIdentityClient } from "@azure/communication-identity";
      const client = new CommunicationIdentityClient(process.env.ACS);
      console.log((await client.createUser()).communicationUserId);`;
    const env = { ...process.env, ACS: emulator.httpsConnectionString, NODE_EXTRA_CA_CERTS: emulator.caCert };
    const command = ["--input-type=module", "--eval", script];
    const child = spawn(process.execPath, command, { env, stdio: ["ignore", "pipe", "inherit"] });
    return new Promise((resolve, reject) => {
      let told = "";
      child.stdout.on("data", (data) => (told += data));
      child.on("exit", (code) => (code === 0 && told.startsWith("8:acs:") ? resolve() : reject(new Error(told))));
    });
  }));

test("an emulator that does not start is an error", () =>
  assert.rejects(start(["--entra-jwks", "/missing"]), /did not start/));

test("the program is on the path and gets signals", async () => {
  assert.equal(execFileSync(PROGRAM, ["--version"], { encoding: "utf8" }), `acs-emulator ${process.env.VERSION}\n`);
  const program = spawn(PROGRAM, { stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((resolve) => program.stdout.on("data", (data) => `${data}`.includes("kept in") && resolve()));
  program.kill("SIGTERM");
  assert.equal(await new Promise((resolve) => program.on("exit", resolve)), 0);
});
