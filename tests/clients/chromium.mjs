// A headless Chromium, driven by the DevTools protocol over a pipe.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server"];

export class Chromium {
  #process;
  #profile = mkdtempSync(join(tmpdir(), "chromium-"));
  #waiting = new Map();
  #next = 1;
  #stderr = "";
  #tabs = [];
  #listeners = new Map();

  constructor(path) {
    const options = [...OPTIONS, "--remote-debugging-pipe", `--user-data-dir=${this.#profile}`, "about:blank"];
    this.#process = spawn(path, options, { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
    this.#process.stderr.on("data", (text) => (this.#stderr += text));
    this.#process.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`Chromium ended:\n${this.#stderr.slice(-2000)}`));
    });
    let rest = "";
    this.#process.stdio[4].setEncoding("utf8").on("data", (text) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop();
      messages.forEach((message) => this.#receive(JSON.parse(message)));
    });
  }

  #receive({ id, result, error, method, params, sessionId }) {
    if (method) return this.#listeners.get(sessionId)?.(method, params);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** Opens a tab that shows a page. All tabs share one profile. */
  async open(url) {
    const tab = await this.openBlank();
    await tab.load(url);
    return tab;
  }

  /** A profile of its own, as another browser has: without the stored data of the others. */
  async createProfile() {
    return (await this.send("Target.createBrowserContext")).browserContextId;
  }

  /** Opens an empty tab. Without a profile, it has that of all tabs. */
  async openBlank(browserContextId = undefined) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", browserContextId });
    this.#tabs.push(targetId);
    return this.#attach(targetId);
  }

  async #attach(targetId) {
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab((method, params) => this.send(method, params, sessionId));
    this.#listeners.set(sessionId, (method, params) => tab.onEvent?.(method, params));
    return tab;
  }

  /** The window that a page has opened at a URL with this beginning; nothing if there is none. */
  async popup(url) {
    const { targetInfos } = await this.send("Target.getTargets");
    const found = targetInfos.find((target) => target.openerId && target.url.startsWith(url));
    return found && this.#attach(found.targetId);
  }

  async closeTabs() {
    for (const targetId of this.#tabs.splice(0)) await this.send("Target.closeTarget", { targetId });
  }

  async close() {
    const ended = new Promise((resolve) => this.#process.on("exit", resolve));
    await this.send("Browser.close").catch(() => {});
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A tab, whose pages run what the tests give them. */
export class Tab {
  /** Called with each event of the DevTools protocol. */
  onEvent = undefined;

  constructor(send) {
    this.send = send;
  }

  /** Shows a page, and waits until it says that it is ready. */
  async load(url) {
    await this.send("Page.navigate", { url });
    await this.evaluate("new Promise((ready) => (window.ready ? ready() : addEventListener('app-ready', ready)))");
  }

  /** The value of an expression in the page, also of a promise. */
  async evaluate(expression) {
    const options = { expression, awaitPromise: true, returnByValue: true, userGesture: true };
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", options);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Takes the network away, or gives it back. */
  offline(offline) {
    return this.send("Network.emulateNetworkConditions", { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  }
}
