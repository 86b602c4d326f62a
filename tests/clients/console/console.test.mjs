// The first page of the console in a real browser, and how both pages look: contrast, light and dark, on a phone.

import assert from "node:assert/strict";
import { test } from "node:test";

import { places, until, User } from "../stack.mjs";
import { assertQuiet, click, newUser, open, shows, text, useBrowser } from "./tab.mjs";

useBrowser();

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
  assert.match(await tab.evaluate("document.querySelector('#queues tr:has([id^=redrive-]) time').textContent"), /^[5-7] min ago$/);
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

/**
 * Runs in the page: what is drawn with too little contrast to what is behind it. WCAG 2.2 asks for 4.5 to 1 for texts
 * (1.4.3), and 3 to 1 for the bars and marks of the time line (1.4.11).
 */
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
  const reported = (node, color, least, name) => {
    const [a, b] = [luminance(parse(color)), luminance(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    return ratio < least ? [`${name}: ${ratio.toFixed(2)}`] : [];
  };
  const hasText = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  const visible = (node) => node.checkVisibility({ opacityProperty: true }) && !node.closest("[disabled]");
  const texts = [...document.querySelectorAll("body *")].filter((node) => hasText(node) && visible(node)).flatMap((node) => {
    const style = getComputedStyle(node);
    return reported(node, node.closest("svg") ? style.fill : style.color, 4.5, node.textContent.trim().slice(0, 30));
  });
  const timeline = document.querySelector("#timeline svg");
  if (!timeline) return texts;
  // One of each kind, because the page has no tokens yet.
  const kinds = ["token", "token expired", "token revoked", ...["good", "warn", "bad", "accent", "soft"].map((kind) => `mark ${kind}`)];
  const drawn = kinds.flatMap((kind) => {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    shape.setAttribute("class", kind);
    timeline.append(shape);
    return reported(timeline, getComputedStyle(shape).fill, 3, kind);
  });
  return [...texts, ...drawn];
}
