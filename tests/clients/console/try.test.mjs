// The page Try it in a real browser, by mouse and by keyboard; and that every command that it shows works in a shell.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

import { places, until } from "../stack.mjs";
import { assertQuiet, bars, click, commands, finishSignIn, newUser, open, press, shows, signIn, text, useBrowser } from "./tab.mjs";

const shell = async (command) => (await promisify(execFile)("bash", ["-c", command], { timeout: 30_000 })).stdout;

useBrowser();

test("a user signs in, gets a token, and the page shows what is in it", async () => {
  const [tab, user] = [await open("/try"), newUser()];
  await signIn(tab, user, "okta");
  assert.match(await text(tab, "session"), new RegExp(`^Signed in as ${user}\\.`));
  await shows(tab, "token", "8:acs:");
  assert.match(await text(tab, "expires"), /^in \d+ h/);
  await shows(tab, "token", "Scopeschat voip");
  await shows(tab, "at-acs", "valid");
  const bearer = JSON.parse(await tab.evaluate("document.querySelector('#bearer pre').textContent"));
  assert.deepEqual([bearer.sub, bearer.scp.includes("guestpass.token")], [user, true]);
  assert.equal(await tab.evaluate("document.querySelectorAll('#timeline rect.token').length"), 1);
  assert.equal(await tab.evaluate("JSON.stringify([location.search, localStorage.length, sessionStorage.length, document.cookie])"), '["",0,0,""]');
  assertQuiet(tab);
});

test("a moved clock refreshes the token, and the bearer with it", async () => {
  const tab = await open("/try");
  await signIn(tab, newUser());
  await click(tab, "hours");
  await until(() => tab.evaluate("document.querySelectorAll('#timeline rect.token').length >= 2"), "a second token");
  await shows(tab, "state", "valid token");
  await shows(tab, "calls", "Exchanges the refresh token");
  assertQuiet(tab);
});

/** Runs the shown command with the binary that was built for these tests, on their stack. */
async function runUnblock(tab) {
  const [cargo, local] = ["cargo run -q -p guestpass-cli --", "--local"];
  const command = await text(tab, "unblock-command");
  assert.ok(command.startsWith(`${cargo} user unblock ${local} 8:acs:`), command);
  await shell(command.replace(cargo, process.env.GUESTPASS).replace(local, `--stack-file ${process.env.STACK_JSON}`));
}

test("a revocation, a block and a disabled account reach the page", async () => {
  const tab = await open("/try");
  await signIn(tab, newUser());
  await click(tab, "revoke");
  await shows(tab, "log", "The administrator has revoked all tokens");
  await shows(tab, "log", "ACS has revoked the token");
  await until(() => tab.evaluate("document.querySelectorAll('#timeline rect.token.revoked').length === 1 && document.querySelectorAll('#timeline rect.token').length === 2"), "the client has another token");
  await click(tab, "disable");
  await shows(tab, "state", "the user is blocked");
  await click(tab, "enable");
  await shows(tab, "log", "has enabled the account");
  await until(async () => {
    await click(tab, "refresh");
    return (await text(tab, "state")) === "valid token";
  }, "the user has a token again");
  await click(tab, "block");
  await shows(tab, "state", "the user is blocked");
  await runUnblock(tab);
  await until(async () => {
    await click(tab, "refresh");
    return (await text(tab, "state")) === "valid token";
  }, "the user is unblocked");
  assertQuiet(tab);
});

test("an outage of ACS is bridged by the token that is valid, and a sign-out ends it", async () => {
  const tab = await open("/try");
  await signIn(tab, newUser());
  await click(tab, "down");
  await shows(tab, "log", "ACS is down");
  await click(tab, "refresh");
  await shows(tab, "state", "waiting to retry");
  await shows(tab, "at-acs", "valid");
  await click(tab, "down");
  await shows(tab, "log", "ACS is up again");
  await shows(tab, "state", "valid token");
  await click(tab, "sign-out");
  await shows(tab, "state", "signed out");
  await shows(tab, "session", "No user is signed in.");
  assert.equal(await bars(tab, ":not(.revoked)"), 0);
  assertQuiet(tab);
});

test("a token is drawn as revoked when ACS has confirmed the sign-out, and not before", async () => {
  const tab = await open("/try");
  await signIn(tab, newUser());
  await click(tab, "down");
  await shows(tab, "log", "ACS is down");
  await click(tab, "sign-out");
  await shows(tab, "state", "signed out");
  await until(async () => (await commands(tab)).some((one) => one.includes("DELETE") && one.includes("/v1/token")), "the sign-out was sent");
  assert.deepEqual([await bars(tab), await bars(tab, ".revoked")], [1, 0]);
  await click(tab, "down");
  await shows(tab, "log", "ACS has confirmed the sign-out");
  assert.deepEqual([await bars(tab), await bars(tab, ".revoked")], [1, 1]);
  assertQuiet(tab);
});

test("the time line has the tokens of the user who signed in last", async () => {
  const [tab, first] = [await open("/try"), newUser()];
  await signIn(tab, first);
  await signIn(tab, newUser());
  await until(async () => (await text(tab, "log")).split("The first token").length === 3, "the first token of each user");
  assert.deepEqual([await bars(tab), await bars(tab, ".revoked")], [1, 0]);
  assertQuiet(tab);
});

test("every command that the page shows works when it is pasted", async () => {
  const [tab, user] = [await open("/try"), `o'brien-${newUser()}`];
  await signIn(tab, user, "auth0");
  const paste = async (command) => {
    const setup = await tab.evaluate("[...document.querySelectorAll('#setup pre')].map(({ textContent }) => textContent)");
    return (await shell(`${setup.join("\n")}\n${command} -w '\n%{http_code}'`)).split(/\n(?=\d+$)/);
  };
  const [, first] = await paste((await commands(tab)).find((command) => command.includes("$BEARER")));
  assert.equal(first, "200");
  for (const [id, done] of [["refresh", null], ["revoke", "revoked all tokens"], ["disable", "has disabled"], ["enable", "has enabled"], ["hour", "The clock was moved"], ["down", "ACS is down"]]) {
    await click(tab, id);
    if (done) await shows(tab, "log", done);
  }
  await click(tab, "down");
  await shows(tab, "log", "ACS is up again");
  const shown = new Set((await commands(tab)).reverse());
  assert.ok(shown.size >= 6, [...shown].join("\n"));
  for (const command of shown) {
    const [body, status] = await paste(command);
    // The user may be blocked by then, or signed out in the same second: the service answers, and accepts who asks.
    const expected = command.includes("$BEARER") ? [200, 401, 403] : [200, 204];
    assert.ok(expected.includes(Number(status)), `${command}\n${status} ${body}`);
  }
  await fetch(`${places.acs.http}/_emulator/faults`, { method: "DELETE" });
  assertQuiet(tab);
});

test("the page is used with the keyboard alone", async () => {
  const [tab, user] = [await open("/try"), newUser()];
  const focused = () => tab.evaluate("document.activeElement.id || document.activeElement.textContent");
  const order = [];
  await tab.evaluate(`user.value = ${JSON.stringify(user)}`);
  for (let presses = 0; presses < 12 && order.at(-1) !== "sign-in-button"; presses += 1) {
    await press(tab, "Tab");
    order.push(await focused());
  }
  assert.deepEqual(order, ["Skip to the content", "Console", "Try it", "user", "profile", "sign-in-button"]);
  await press(tab, "Enter");
  await finishSignIn(user);
  await shows(tab, "state", "valid token");
  while ((await focused()) !== "sign-out") await press(tab, "Tab");
  await press(tab, "Enter");
  await shows(tab, "state", "signed out");
});

test("a screen reader finds names, roles and states", async () => {
  const tab = await open("/try");
  await signIn(tab, newUser());
  const { nodes } = await tab.send("Accessibility.getFullAXTree");
  const of = (role) => nodes.filter((node) => node.role?.value === role && !node.ignored).map((node) => node.name?.value ?? "");
  assert.deepEqual(of("main").length, 1);
  for (const role of ["button", "link", "textbox", "combobox", "region", "image", "progressbar"]) assert.ok(!of(role).includes(""), `${role}: ${of(role)}`);
  for (const name of ["Administrator", "Identity provider", "Clock of the stack", "Azure Communication Services"]) assert.ok(of("group").includes(name), name);
  for (const name of ["Sign in", "Get a new token", "Sign out", "Block", "Disable by event", "ACS down"]) assert.ok(of("button").includes(name), name);
  assert.ok(of("image").some((name) => name.startsWith("Time line: 1 token; the last one is valid for")), `${of("image")}`);
  assert.deepEqual(of("heading").slice(0, 2), ["Try it", "1 · The user"]);
  for (const path of ["/", "/try"]) {
    const page = await open(path);
    const unlabelled = await page.evaluate("[...document.querySelectorAll('input,select')].filter((field) => !field.labels.length).map(({ id }) => id)");
    assert.deepEqual(unlabelled, [], path);
  }
});
