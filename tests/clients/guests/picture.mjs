// Makes the picture of the guest's page in its README: REPOSITORY=../../.. STACK_JSON=<file of a stack> node picture.mjs

import { writeFileSync } from "node:fs";

import { Chromium } from "../chromium.mjs";
import { GuestTab } from "./guests.mjs";
import { startService } from "./service.mjs";

const service = await startService();
const browser = new Chromium(process.env.CHROMIUM ?? "chromium");
const guest = await GuestTab.open(browser, service.invite().link);
await guest.tab.send("Emulation.setDeviceMetricsOverride", { width: 640, height: 340, deviceScaleFactor: 1, mobile: false });
await guest.tab.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "light" }] });
const { data } = await guest.tab.send("Page.captureScreenshot", { format: "png" });
writeFileSync(new URL("../../../shared/clients/guest-page/page.png", import.meta.url), Buffer.from(data, "base64"));
await browser.close();
service.close();
