// The pages of the console in a real browser: what they show, by keyboard and by the tree of accessibility, in light and
// dark; and that every command that they show works in a shell.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { after, afterEach, before, test } from "node:test";
import { promisify } from "node:util";

import { Chromium } from "./chromium.mjs";
import { places, until, User } from "./stack.mjs";

const shell = async (command) => (await promisify(execFile)("bash", ["-c", command], { timeout: 30_000 })).stdout;

let browser;

before(() => {
  browser = new Chromium(process.env.CHROMIUM);
});

after(() => browser?.close());

afterEach(async () => {
  await fetch(`${places.acs.http}/_emulator/faults`, { method: "DELETE" });
  await browser.closeTabs();
});

/** A page of the console, with the problems that the browser reports and the hosts that it requests. */
async function open(path, media = []) {
  const tab = await browser.openBlank();
  const seen = { problems: [], hosts: new Set() };
  tab.onEvent = (method, params) => {
    if (method === "Network.requestWillBeSent") seen.hosts.add(new URL(params.request.url).hostname);
    if (method === "Runtime.exceptionThrown") seen.problems.push(params.exceptionDetails.exception?.description);
    // A response that is an error is logged as one, too; it is part of what is shown.
    if (method === "Log.entryAdded" && params.entry.level === "error" && params.entry.source !== "network") seen.problems.push(params.entry.text);
  };
  for (const domain of ["Network", "Runtime", "Log", "Page"]) await tab.send(`${domain}.enable`);
  await tab.send("Emulation.setEmulatedMedia", { features: media });
  await tab.load(`${places.console}${path}`);
  return Object.assign(tab, { seen });
}

function assertQuiet({ seen }) {
  assert.deepEqual(seen.problems, []);
  assert.deepEqual([...seen.hosts].filter((host) => host !== "127.0.0.1"), []);
}

const text = (tab, id) => tab.evaluate(`document.getElementById(${JSON.stringify(id)}).textContent`);
const shows = (tab, id, expected) => until(async () => (await text(tab, id)).includes(expected), `#${id} shows ${expected}`, 30); // a first request starts functions
const click = (tab, id) => tab.evaluate(`document.getElementById(${JSON.stringify(id)}).click()`);
const commands = (tab) => tab.evaluate("[...document.querySelectorAll('#calls pre')].map(({ textContent }) => textContent)");

async function press(tab, key, options = {}) {
  for (const type of ["keyDown", "keyUp"]) {
    await tab.send("Input.dispatchKeyEvent", { type, key, code: key, windowsVirtualKeyCode: { Tab: 9, Enter: 13, " ": 32 }[key], ...(key === "Enter" && type === "keyDown" ? { text: "\r" } : {}), ...options });
  }
}

/** Signs a user in through the window of the issuer. */
async function signIn(tab, user, profile = "") {
  await tab.evaluate(`user.value = ${JSON.stringify(user)}, profile.value = ${JSON.stringify(profile)}`);
  await click(tab, "sign-in-button");
  await finishSignIn(user);
  await shows(tab, "state", "valid token");
}

async function finishSignIn(user) {
  let popup;
  await until(async () => (popup = await browser.popup(`${places.issuer}/authorize`)), "the sign-in window is open");
  await until(() => popup.evaluate("document.readyState === 'complete' && !!document.querySelector('form')"));
  assert.equal(await popup.evaluate("document.getElementById('user').value"), user);
  await popup.evaluate("setTimeout(() => document.querySelector('button.primary').click())");
}

const newUser = () => `user-${randomUUID().slice(0, 8)}`;

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
  assert.equal(await tab.evaluate("document.querySelectorAll('#timeline rect.token:not(.revoked)').length"), 0);
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

test("text has enough contrast in light and in dark, and fits a phone", async () => {
  for (const scheme of ["light", "dark"]) {
    for (const path of ["/", "/try"]) {
      const tab = await open(path, [{ name: "prefers-color-scheme", value: scheme }]);
      const low = await tab.evaluate(`(${lowContrast})()`);
      assert.deepEqual(low, [], `${path} in ${scheme}`);
      await tab.send("Emulation.setDeviceMetricsOverride", { width: 390, height: 844, deviceScaleFactor: 1, mobile: false });
      assert.ok(await tab.evaluate("document.documentElement.scrollWidth <= 390"), `${path} is wider than a phone`);
    }
  }
});

/** Runs in the page: the texts whose contrast is less than 4.5 to 1 (WCAG 2.2, 1.4.3). */
function lowContrast() {
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (rgb) => rgb.slice(0, 3).map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)).reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const hasText = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  const visible = (node) => node.checkVisibility({ opacityProperty: true }) && !node.closest("[disabled]");
  return [...document.querySelectorAll("body *")].filter((node) => hasText(node) && visible(node) && !node.closest("svg")).flatMap((node) => {
    const [a, b] = [luminance(parse(getComputedStyle(node).color)), luminance(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    return ratio < 4.5 ? [`${node.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`] : [];
  });
}

test("the console finds users, and shows events and runs of the cleanup", async () => {
  const user = new User();
  const headers = { Authorization: `Bearer ${await user.signIn()}` };
  assert.equal((await fetch(`${places.gateway}/v1/token`, { method: "POST", headers })).status, 200);
  const tab = await open("/");
  await tab.evaluate(`query.value = ${JSON.stringify(user.sub.slice(0, 20))}, query.dispatchEvent(new Event("input"))`);
  await until(async () => (await tab.evaluate("document.querySelectorAll('#identities tbody tr').length")) === 1, "one row");
  assert.match(await text(tab, "identities"), new RegExp(`${user.sub}active.*1…`));
  await user.account("disabled");
  await shows(tab, "events", "applied");
  await shows(tab, "identities", "blocked");
  await click(tab, "run-DeleteStaleIdentitiesSchedule");
  await shows(tab, "announcement", "DeleteStaleIdentitiesSchedule: succeeded.");
  await shows(tab, "runs", "would delete");
  assert.match(await tab.evaluate("document.querySelector('time').title"), /\d{4}/);
  await tab.evaluate(`query.value = "not a user", query.dispatchEvent(new Event("input"))`);
  await shows(tab, "identities", "No identity matches.");
  assertQuiet(tab);
});

const write = (tab, id, value) => tab.evaluate(`document.getElementById(${JSON.stringify(id)}).value = ${JSON.stringify(value)}, document.getElementById(${JSON.stringify(id)}).dispatchEvent(new Event("input"))`);
const rows = (tab, selector) => tab.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map(({ textContent }) => textContent)`);

test("events and requests are filtered by what their lists show", async () => {
  const [user, other] = [new User(), new User()];
  for (const one of [user, other]) await one.account("disabled");
  const answer = await fetch(`${places.gateway}/v1/identity`, { headers: { Authorization: `Bearer ${await user.signIn()}` } });
  const tab = await open("/");
  await until(async () => (await rows(tab, "#events li")).filter((row) => row.includes(user.sub) || row.includes(other.sub)).length === 2, "both events");
  await write(tab, "event-filter", `APPLIED ${user.sub}`);
  await until(async () => (await rows(tab, "#events li")).length === 1, "one event is applied", 30);
  assert.match((await rows(tab, "#events li"))[0], new RegExp(user.sub));
  await write(tab, "event-filter", `no-rule ${user.sub}`);
  assert.equal(await text(tab, "events"), "No event matches.");
  await write(tab, "request-filter", `get /v1/identity ${answer.status}`);
  const requests = await rows(tab, "#requests tbody tr");
  assert.ok(requests.length > 0);
  for (const row of requests) assert.match(row, new RegExp(`GET /v1/identity.*${answer.status}`));
  await write(tab, "request-filter", "PATCH");
  assert.equal(await text(tab, "requests"), "No request matches.");
  assertQuiet(tab);
});

const local = async (path, body) => (await fetch(`${places.console}/_local/${path}`, body && { method: "POST", body: JSON.stringify(body) })).json();

test("a dead letter is counted and shown, and Redrive moves it back", async () => {
  const externalId = newUser();
  await local("events", { source: "guestpass.identity", "detail-type": "user.disabled", detail: { externalId, occurredAt: "no time" }, bus: places.eventBus });
  const receives = async () => (await local("events")).events.find(({ user }) => user === externalId).receives;
  for (let deliveries = 1; deliveries <= 5; deliveries += 1) {
    await until(async () => (await receives()) === deliveries, `delivery ${deliveries}`, 30);
    await local("clock", { advanceSeconds: 61 });
  }
  const tab = await open("/");
  await shows(tab, "figures", "Dead letters1");
  await shows(tab, "events", "dead letter, 5 deliveries");
  const redrive = "document.querySelector('#queues [id^=redrive-]')";
  await tab.evaluate(`${redrive}.click()`);
  await shows(tab, "announcement", "Moved 1 message back to");
  await shows(tab, "figures", "Dead letters0");
  assert.equal(await tab.evaluate(`${redrive} === null`), true);
  assertQuiet(tab);
});

test("the chart shows the identities that become stale", async () => {
  const user = new User();
  const headers = { Authorization: `Bearer ${await user.signIn()}` };
  assert.equal((await fetch(`${places.gateway}/v1/token`, { method: "POST", headers })).status, 200);
  const tab = await open("/");
  const bars = "[...document.querySelectorAll('#ages tr')].filter((row) => row.querySelector('.bar.stale')?.checkVisibility()).map(({ textContent }) => textContent)";
  assert.match(await text(tab, "ages"), /After 90 days an identity is stale: 0 now/);
  assert.deepEqual(await tab.evaluate(bars), []);
  await local("clock", { advanceSeconds: 91 * 86_400 });
  await until(async () => /stale: [1-9]\d* now/.test(await text(tab, "ages")), "stale identities are counted", 30);
  const [bar, ...others] = await tab.evaluate(bars);
  assert.match(bar, /^90 to \d+ days[1-9]/);
  assert.deepEqual(others, []);
  assertQuiet(tab);
});
