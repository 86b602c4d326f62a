// A browser of guests, whose tabs record what the page does.

import assert from "node:assert/strict";
import { after, afterEach } from "node:test";

import { Chromium } from "../chromium.mjs";
import { until } from "../stack.mjs";

/** A clock of a page that can jump: `window.slept`, in milliseconds. */
export const CLOCK = "window.slept = 0; const realNow = Date.now; Date.now = () => realNow() + window.slept;";
/** What a page notices when its laptop wakes up. */
export const WAKE = "document.dispatchEvent(new Event('visibilitychange'))";

/** A tab of a guest. */
export class GuestTab {
  requests = [];
  problems = [];

  /** Opens a link. `prepare` is a script that runs before those of the page. */
  static async open(browser, link, { profile, prepare } = {}) {
    const guest = new GuestTab();
    guest.tab = await browser.openBlank(profile);
    guest.tab.onEvent = (method, params) => guest.#record(method, params);
    for (const domain of ["Page", "Network", "Log", "Runtime"]) await guest.tab.send(`${domain}.enable`);
    if (prepare) await guest.tab.send("Page.addScriptToEvaluateOnNewDocument", { source: prepare });
    await guest.navigate(link);
    return guest;
  }

  #record(method, params) {
    if (method === "Network.requestWillBeSent") this.requests.push({ id: params.requestId, method: params.request.method, url: params.request.url, headers: params.request.headers });
    if (method === "Runtime.exceptionThrown") this.problems.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    // A refusal of the service is logged by the browser, too.
    if (method === "Log.entryAdded" && params.entry.source !== "network") this.problems.push(params.entry.text);
  }

  async navigate(url) {
    await this.tab.send("Page.navigate", { url });
    await this.loaded();
  }

  async reload() {
    await this.evaluate("window.before = true");
    await this.tab.send("Page.reload");
    await until(() => this.evaluate("!window.before").catch(() => false), "the page is loaded again");
    await this.loaded();
  }

  /** Does what a scanner of links can do without a tap. Returns the addresses that the page names. */
  async scan(link) {
    const found = await this.evaluate("[...document.querySelectorAll('[href],[src]')].map(({ href, src }) => href || src)");
    for (const url of found) await this.evaluate(`fetch(${JSON.stringify(url)}).then((response) => response.text())`);
    for (const method of ["GET", "HEAD", "OPTIONS"]) {
      for (const url of [link, `${new URL(link).origin}/v1/guest/token`, ...found]) await fetch(url, { method });
    }
    await this.evaluate(`window.slept = 86_400_000; ${WAKE}; scrollTo(0, 1000); dispatchEvent(new Event("online"))`);
    await this.tab.send("Input.dispatchMouseEvent", { type: "mouseMoved", x: 640, y: 470 });
    await this.reload();
    return found;
  }

  /** Waits until the page shows what it found out without a tap. */
  async loaded() {
    await until(() => this.evaluate("document.body?.dataset.shown === 'yes'").catch(() => false), "the page is shown");
  }

  evaluate = (expression) => this.tab.evaluate(expression);

  posts = () => this.requests.filter(({ method }) => method !== "GET").length;

  title = () => this.evaluate("document.querySelector('h1')?.textContent");

  text = () => this.evaluate("document.body.innerText");

  /** Waits until the page has this title. */
  async shows(title) {
    await until(async () => (await this.title().catch(() => undefined)) === title, `the title is "${title}"`); // while it loads, there is none
  }

  /** Presses a key, as a guest without a mouse does. */
  async press(key) {
    const text = { Enter: "\r", " ": " " }[key];
    const code = { Enter: 13, Tab: 9, " ": 32 }[key];
    const options = { key, code: key === " " ? "Space" : key, windowsVirtualKeyCode: code };
    await this.tab.send("Input.dispatchKeyEvent", { type: "keyDown", ...options, ...(text && { text }) });
    await this.tab.send("Input.dispatchKeyEvent", { type: "keyUp", ...options });
  }

  type = (text) => this.tab.send("Input.insertText", { text });

  /** Selects the button that the keyboard reaches first. */
  async tap() {
    await this.press("Tab");
    await this.press("Enter");
  }

  async join() {
    await this.tap();
    await this.shows("You are in, Ada Lovelace");
  }

  /** The identity that the page shows. */
  identity = () => this.evaluate("document.querySelector('dd.id').textContent");

  /** The response to the latest request for a token. */
  async response() {
    const { id } = this.requests.findLast(({ method }) => method === "POST");
    const { body } = await this.tab.send("Network.getResponseBody", { requestId: id });
    return JSON.parse(body);
  }

  /** The token that the page received last; it keeps it in memory. */
  token = async () => (await this.response()).token;

  /** The roles and names that a screen reader gets, sorted. */
  async roles() {
    const { nodes } = await this.tab.send("Accessibility.getFullAXTree");
    const wanted = ["main", "heading", "button", "textbox", "status"];
    return nodes.filter(({ ignored, role }) => !ignored && wanted.includes(role.value)).map(({ role, name }) => `${role.value} ${name.value}`.trim()).sort();
  }
}

/**
 * A browser for the tests of a file. After each test, no script has failed, and no request had left the machine or had
 * the handle in its URL or its referrer.
 */
export function startBrowser(origin) {
  const browser = new Chromium(process.env.CHROMIUM);
  let guests = [];
  after(() => browser.close());
  afterEach(async () => {
    const opened = guests;
    guests = [];
    await browser.closeTabs();
    assert.deepEqual(opened.flatMap(({ problems }) => problems), []);
    for (const { url, headers } of opened.flatMap(({ requests }) => requests)) {
      assert.ok(url.startsWith(`${origin}/`), `a request left the machine: ${url}`);
      assert.doesNotMatch(url, /gp_/);
      assert.ok(!headers.Referer, `a request has the referrer ${headers.Referer}`);
    }
  });
  return {
    createProfile: () => browser.createProfile(),
    /** Opens a link in a tab. `prepare` is a script that runs before those of the page. */
    async open(link, options) {
      const guest = await GuestTab.open(browser, link, options);
      guests.push(guest);
      return guest;
    },
  };
}
