// A guest with an invitation in a real browser, before a service that follows the rules of POST /v1/guest/token.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { until } from "../stack.mjs";
import { CLOCK, startBrowser, WAKE } from "./guests.mjs";
import { problem, startService } from "./service.mjs";

const service = await startService();
const browser = startBrowser(service.origin);
const PAGE = `${service.origin}/join/`;
after(() => service.close());

test("a guest joins by keyboard with one request, and the token is live", async () => {
  const invitation = service.invite();
  const guest = await browser.open(invitation.link);
  assert.equal(await guest.title(), "You are invited to an online meeting");
  assert.deepEqual(await guest.roles(), ["button Join", "heading You are invited to an online meeting", "main", "status"]);
  await guest.join();
  assert.equal(guest.posts(), 1);
  assert.match(await guest.identity(), /^8:acs:/);
  assert.match(await guest.text(), /Token valid for\s+(1:00:00|0:59:\d\d)/);
  assert.equal(invitation.used(), 1);
  assert.equal(await guest.evaluate("document.activeElement.tagName"), "H1");
});

test("the name of who invites is shown as text, and without a name there is nothing", async (t) => {
  t.after(() => (service.config = undefined));
  for (const inviter of ["<b>Contoso</b> & Co.", ""]) {
    service.config = { inviter };
    const guest = await browser.open(service.invite().link);
    assert.deepEqual(await guest.evaluate("[inviter.textContent, inviter.checkVisibility()]"), [inviter, inviter !== ""]);
  }
});

test("a scanner that runs the page takes no place, and the guest who comes after it joins", async () => {
  const invitation = service.invite();
  const scanner = await browser.open(invitation.link, { profile: await browser.createProfile(), prepare: CLOCK });
  await scanner.scan(invitation.link);
  assert.equal(scanner.posts(), 0);
  assert.equal(invitation.used(), 0);
  const guest = await browser.open(invitation.link);
  await guest.join();
});

test("a reload, and the way back from another page, keep the guest in", async () => {
  const invitation = service.invite();
  const guest = await browser.open(invitation.link);
  await guest.join();
  const identity = await guest.identity();
  await guest.reload();
  await until(async () => guest.posts() === 2, "the page joins again");
  await guest.shows("You are in, Ada Lovelace");
  await guest.tab.send("Page.navigate", { url: `${PAGE}icon.svg` });
  await guest.evaluate("history.back()");
  await guest.loaded();
  await guest.shows("You are in, Ada Lovelace");
  assert.equal(await guest.identity(), identity);
  assert.equal(invitation.used(), 1);
});

test("two tabs are one device, and share one token", async () => {
  const invitation = service.invite();
  const profile = await browser.createProfile();
  const tabs = [await browser.open(invitation.link, { profile }), await browser.open(invitation.link, { profile })];
  for (const tab of tabs) {
    await tab.tab.send("Page.bringToFront");
    await tab.join();
  }
  assert.equal(await tabs[0].identity(), await tabs[1].identity());
  assert.equal(tabs[0].posts() + tabs[1].posts(), 1);
  assert.equal(invitation.used(), 1);
});

test("another browser is refused when the place is taken, and the first one stays in", async () => {
  const invitation = service.invite();
  const first = await browser.open(invitation.link);
  await first.join();
  const second = await browser.open(invitation.link, { profile: await browser.createProfile() });
  await second.tap();
  await second.shows("This invitation is in use on another device");
  assert.deepEqual(await second.roles(), ["button Try again", "heading This invitation is in use on another device", "main", "status"]);
  await first.reload();
  await first.shows("You are in, Ada Lovelace");
  assert.equal(invitation.used(), 1);
});

test("another link in the same tab is another invitation", async () => {
  const [one, other] = [service.invite(), service.invite({ displayName: "Grace Hopper" })];
  const guest = await browser.open(one.link);
  await guest.join();
  await guest.tab.send("Page.navigate", { url: other.link });
  await guest.shows("You are invited to an online meeting");
  await guest.loaded();
  assert.equal(guest.posts(), 1);
  await guest.tap();
  await guest.shows("You are in, Grace Hopper");
  assert.equal(other.used(), 1);
});

test("the PIN is asked for once: a malformed one is not sent, a wrong one is said, the right one joins", async () => {
  const invitation = service.invite({ pin: true });
  const guest = await browser.open(invitation.link);
  await guest.tap();
  await guest.shows("Enter the PIN");
  assert.deepEqual(await guest.roles(), ["button Continue", "heading Enter the PIN", "main", "status", "textbox PIN"]);
  const enter = async (pin) => {
    await guest.type(pin);
    await guest.press("Enter");
  };
  await enter("12345");
  await until(async () => /six digits. Nothing was sent/.test(await guest.text()), "the page says that nothing was sent");
  assert.equal(guest.posts(), 1);
  await enter(invitation.pin === "000000" ? "000001" : "000000");
  await until(async () => /This PIN is wrong/.test(await guest.text()), "the page says that the PIN is wrong");
  await enter(`${invitation.pin.slice(0, 3)} ${invitation.pin.slice(3)}`);
  await guest.shows("You are in, Ada Lovelace");
  await guest.reload();
  await until(async () => guest.posts() === 4, "the page joins again");
  await guest.shows("You are in, Ada Lovelace");
  const stored = await guest.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])");
  assert.equal(stored.includes(invitation.pin), false);
});

const closed = () => service.invite({ closesIn: 0 }).link;
const locked = () => Object.assign(service.invite({ pin: true }), { wrongPins: 10 }).link;
const revoked = () => Object.assign(service.invite(), { revoked: true }).link;
const beyondPolicy = () => Object.assign(service.invite(), { answer: problem("beyond-policy", 403) }).link;
for (const [title, linkOf, next] of [
  ["This link is not valid", () => `${PAGE}#gp_${"0".repeat(22)}`, "Try again"],
  ["This link is not valid", () => `${PAGE}#gp_0000`, "Try again"],
  ["The meeting is not open yet", () => service.invite({ opensIn: 1_800_000 }).link],
  ["The meeting is over", closed, "Try again"],
  ["This invitation is locked", locked, "Try again"],
  ["This invitation was withdrawn", revoked, "Try again"],
  ["This invitation is not permitted any more", beyondPolicy, "Try again"],
]) {
  test(`a refusal is said in plain words: ${title}`, async () => {
    const guest = await browser.open(linkOf());
    await guest.tap();
    await guest.shows(title);
    const roles = await guest.roles();
    assert.deepEqual(roles.filter((role) => role.startsWith("button")), next ? [`button ${next}`] : []);
    assert.doesNotMatch(await guest.text(), /problem|\d{3}\b|gp_|undefined|null/);
  });
}

test("a guest whose invitation is revoked during the meeting leaves it", async () => {
  const invitation = service.invite();
  const guest = await browser.open(invitation.link, { prepare: CLOCK });
  await guest.join();
  invitation.revoked = true;
  await guest.evaluate(`window.slept = 3_000_000; ${WAKE}`);
  await guest.shows("This invitation was withdrawn");
  assert.equal(await guest.evaluate("document.querySelector('#meeting').childElementCount"), 0);
});

const ENDED = /The invitation has ended\. Unless it is extended, your access ends at (.+) at the latest\./;
const NOT_RENEWED = /Your access could not be renewed\. If the next tries fail, too, it ends at (.+) at the latest\./;
for (const [reason, answer, notice, title] of [
  ["the invitation has closed", problem("invitation-closed", 410), ENDED, "The meeting is over"],
  ["the policy does not permit it any more", problem("beyond-policy", 403), NOT_RENEWED, "This invitation is not permitted any more"],
  ["guests are switched off", problem("not-found", 404), NOT_RENEWED, "Joining is not possible at the moment"],
  ["a proxy wants a sign-in", { status: 401, body: { message: "Unauthorized" } }, NOT_RENEWED, "Joining is not possible at the moment"],
]) {
  test(`a guest whose token is not renewed stays until it expires, and reads why: ${reason}`, async () => {
    const invitation = service.invite();
    const guest = await browser.open(invitation.link, { prepare: CLOCK });
    await guest.join();
    const valid = JSON.stringify((await guest.response()).expiresOnTimestamp);
    invitation.answer = answer;
    await guest.evaluate(`window.slept = 2_500_000; ${WAKE}`);
    await until(async () => notice.test(await guest.text()), "the page says why the token is not renewed");
    const [, said] = notice.exec(await guest.text());
    // The page counts by its own clock, from the moment before the request.
    const moments = await guest.evaluate(`[0, 1, 2, 3].map((seconds) => new Date(${valid} - 1000 * seconds).toLocaleTimeString(undefined, { timeStyle: "medium" }))`);
    assert.ok(moments.includes(said), `${said} is none of ${moments}`);
    assert.equal(await guest.title(), "You are in, Ada Lovelace");
    // Below a call, it would be out of sight.
    assert.ok(await guest.evaluate("notice.getBoundingClientRect().bottom <= meeting.getBoundingClientRect().top"));
    await guest.evaluate(`window.slept = 3_700_000; ${WAKE}`);
    await guest.shows(title);
    assert.equal(await guest.evaluate("document.querySelector('#meeting').childElementCount"), 0);
    assert.doesNotMatch(await guest.text(), notice);
  });
}

test("the page fits a telephone", async () => {
  const guest = await browser.open(service.invite().link);
  await guest.tab.send("Emulation.setDeviceMetricsOverride", { width: 320, height: 640, deviceScaleFactor: 1, mobile: true });
  await guest.join();
  assert.equal(await guest.evaluate("document.documentElement.scrollWidth"), 320);
});
