// What the tests of the console share: a page in a real browser, and what it shows.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, before } from "node:test";

import { Chromium } from "../chromium.mjs";
import { places, until } from "../stack.mjs";

let browser;

/** Starts the browser for the tests of a file. After each one, its tabs are closed and ACS is up again. */
export function useBrowser() {
  before(() => {
    browser = new Chromium(process.env.CHROMIUM);
  });
  after(() => browser?.close());
  afterEach(async () => {
    await fetch(`${places.acs.http}/_emulator/faults`, { method: "DELETE" });
    await browser.closeTabs();
  });
}

/** A page of the console, with the problems that the browser reports and the hosts that it requests. */
export async function open(path, media = []) {
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

export function assertQuiet({ seen }) {
  assert.deepEqual(seen.problems, []);
  assert.deepEqual([...seen.hosts].filter((host) => host !== "127.0.0.1"), []);
}

export const text = (tab, id) => tab.evaluate(`document.getElementById(${JSON.stringify(id)}).textContent`);
export const shows = (tab, id, expected) => until(async () => (await text(tab, id)).includes(expected), `#${id} shows ${expected}`, 30); // a first request starts functions
export const click = (tab, id) => tab.evaluate(`document.getElementById(${JSON.stringify(id)}).click()`);
export const commands = (tab) => tab.evaluate("[...document.querySelectorAll('#calls pre')].map(({ textContent }) => textContent)");

export async function press(tab, key, options = {}) {
  for (const type of ["keyDown", "keyUp"]) {
    await tab.send("Input.dispatchKeyEvent", { type, key, code: key, windowsVirtualKeyCode: { Tab: 9, Enter: 13, " ": 32 }[key], ...(key === "Enter" && type === "keyDown" ? { text: "\r" } : {}), ...options });
  }
}

/** Signs a user in through the window of the issuer. */
export async function signIn(tab, user, profile = "") {
  await tab.evaluate(`user.value = ${JSON.stringify(user)}, profile.value = ${JSON.stringify(profile)}`);
  await click(tab, "sign-in-button");
  await finishSignIn(user);
  await shows(tab, "state", "valid token");
}

export async function finishSignIn(user) {
  let popup;
  await until(async () => (popup = await browser.popup(`${places.issuer}/authorize`)), "the sign-in window is open");
  await until(() => popup.evaluate("document.readyState === 'complete' && !!document.querySelector('form')"));
  assert.equal(await popup.evaluate("document.getElementById('user').value"), user);
  await popup.evaluate("setTimeout(() => document.querySelector('button.primary').click())");
}

/** How many tokens of a kind the time line has. */
export const bars = (tab, kind = "") => tab.evaluate(`document.querySelectorAll('#timeline rect.token${kind}').length`);

export const newUser = () => `user-${randomUUID().slice(0, 8)}`;
