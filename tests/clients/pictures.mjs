// Takes pictures of both pages of the console, in light and dark, wide and narrow: node pictures.mjs <directory>
// Only those of README files are kept in the repository.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { Chromium } from "./chromium.mjs";
import { smaller } from "./png.mjs";
import { places, until } from "./stack.mjs";

const directory = process.argv[2];
const browser = new Chromium(process.env.CHROMIUM);

async function open(path, scheme, width, height) {
  const tab = await browser.openBlank();
  await tab.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  await tab.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  await tab.send("Emulation.setScrollbarsHidden", { hidden: true });
  await tab.load(`${places.console}${path}`);
  return tab;
}

async function save(tab, name, whole = false) {
  const { data } = await tab.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: whole });
  const png = smaller(Buffer.from(data, "base64"));
  writeFileSync(join(directory, `${name}.png`), png);
  console.log(`pictures: ${name}.png, ${Math.ceil(png.length / 1024)} KB`);
}

const shows = (tab, id, text) => until(() => tab.evaluate(`document.getElementById("${id}").textContent.includes(${JSON.stringify(text)})`), text);
const click = (tab, id) => tab.evaluate(`document.getElementById("${id}").click()`);

/** A user signs in, tokens are refreshed, an administrator revokes them, and ACS is down for a moment. */
async function play(tab) {
  await tab.evaluate("user.value = 'mia.keller@example.com', profile.value = 'okta'");
  await click(tab, "sign-in-button");
  let popup;
  await until(async () => (popup = await browser.popup(`${places.issuer}/authorize`)), "the sign-in window");
  await until(() => popup.evaluate("document.readyState === 'complete' && !!document.querySelector('form')"));
  await popup.send("Emulation.setDeviceMetricsOverride", { width: 480, height: 640, deviceScaleFactor: 1, mobile: false });
  await save(popup, "sign-in");
  await popup.evaluate("setTimeout(() => document.querySelector('button.primary').click())");
  await shows(tab, "state", "valid token");
  await click(tab, "hours");
  await until(() => tab.evaluate("document.querySelectorAll('#timeline rect.token').length === 2"), "a second token");
  await click(tab, "hour");
  await shows(tab, "log", "The clock was moved");
  await click(tab, "revoke");
  await shows(tab, "log", "ACS has revoked the token");
  await until(() => tab.evaluate("document.querySelectorAll('#timeline rect.token').length === 3"), "a third token");
  await click(tab, "hour");
  await click(tab, "down");
  await shows(tab, "log", "ACS is down");
  await click(tab, "down");
  await shows(tab, "log", "ACS is up again");
  await shows(tab, "at-acs", "valid");
  await until(() => tab.evaluate("[...document.querySelectorAll('#log time')].some((time) => time.textContent === '8 h ago')"), "the times are those after the move");
  await tab.evaluate("document.activeElement.blur(), announcement.textContent = '', document.getElementById('log').scrollTop = 0, scrollTo(0, 0)");
}

try {
  await save(await open("/", "light", 1280, 1040), "console");
  await save(await open("/", "dark", 1280, 800), "console-dark", true);
  await save(await open("/", "light", 390, 844), "console-narrow", true);
  const tab = await open("/try", "light", 1280, 900);
  await play(tab);
  await save(tab, "try-it");
  await tab.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "dark" }] });
  await save(tab, "try-it-dark", true);
  await tab.send("Emulation.setDeviceMetricsOverride", { width: 390, height: 844, deviceScaleFactor: 1, mobile: false });
  await save(tab, "try-it-narrow", true);
} finally {
  await browser.close();
}
