// The page of a guest in a real browser, as the gateway of the local stack serves it, before anything is requested.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { places } from "../stack.mjs";
import { CLOCK, startBrowser } from "./guests.mjs";

const PAGE = `${places.gateway}/join/`;
const NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); } });";
/** A link whose handle no invitation has. */
const LINK = `${PAGE}#gp_${"0".repeat(22)}`;

const browser = startBrowser(places.gateway);

test("a scanner that loads the page, runs its scripts, waits a day and reloads, but taps nothing, sends nothing", async () => {
  const guest = await browser.open(LINK, { prepare: CLOCK });
  assert.deepEqual(await guest.roles(), ["button Join", "heading You are invited to an online meeting", "main", "status"]);
  const found = await guest.scan(LINK);
  assert.equal(guest.posts(), 0);
  assert.ok(found.length > 3);
  assert.equal(await guest.evaluate("localStorage.length"), 0);
});

test("the page shows who invites: the name in config.json", async () => {
  const guest = await browser.open(LINK);
  assert.match(await guest.text(), /^Guestpass on this machine\s+You are invited to an online meeting/);
  assert.equal(await guest.evaluate("inviter.checkVisibility()"), true);
});

test("the handle is neither in the address nor in the history of the tab", async () => {
  const guest = await browser.open(LINK);
  assert.equal(await guest.evaluate("location.href"), PAGE);
  const { entries } = await guest.tab.send("Page.getNavigationHistory");
  assert.deepEqual(entries.map(({ url }) => url), ["about:blank", PAGE]);
  assert.equal(await guest.evaluate("document.documentElement.outerHTML.includes('gp_')"), false);
});

test("without a link, or without site data, the page says what to do and sends nothing", async () => {
  const empty = await browser.open(PAGE, { profile: await browser.createProfile() });
  await empty.shows("Open the link from your invitation");
  const blocked = await browser.open(LINK, { prepare: NO_STORAGE });
  await blocked.shows("Your browser keeps nothing for this page");
  assert.equal(empty.posts() + blocked.posts(), 0);
  assert.deepEqual((await empty.roles()).filter((role) => role.startsWith("button")), []);
});

test("the page is light or dark as the guest prefers", async () => {
  const guest = await browser.open(LINK);
  const colours = [];
  for (const value of ["light", "dark"]) {
    await guest.tab.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
    colours.push(await guest.evaluate("getComputedStyle(document.body).backgroundColor"));
  }
  assert.deepEqual(colours, ["rgb(246, 245, 242)", "rgb(24, 23, 22)"]);
});

test("the examples of its URL have the slash at the end, without which the page would not find its files", () => {
  for (const file of ["infra/guests.md", "infra/template.yaml"]) {
    const urls = readFileSync(`${process.env.REPOSITORY}/${file}`, "utf8").match(/https:\/\/app\.example\.com\/join[^\s#.]*/g);
    for (const url of urls) assert.equal(new URL("page.js", url).pathname, "/join/page.js", `${url} in ${file}`);
  }
});

test("the page has the headers of headers.json, and its README shows the same policy", async () => {
  const folder = `${process.env.REPOSITORY}/shared/clients/guest-page`;
  const expected = JSON.parse(readFileSync(`${folder}/headers.json`, "utf8"));
  for (const file of ["", "page.js", "guestpass-guest.js", "config.json"]) {
    const { headers } = await fetch(`${PAGE}${file}`);
    for (const [name, value] of Object.entries(expected)) assert.equal(headers.get(name), value, `${name} of ${file}`);
  }
  const policy = `Content-Security-Policy: ${expected["Content-Security-Policy"]}\n`;
  assert.ok(readFileSync(`${folder}/README.md`, "utf8").includes(policy));
});
