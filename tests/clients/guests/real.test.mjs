// A guest with an invitation of the local stack: the page, the functions and ACS.

import assert from "node:assert/strict";
import { test } from "node:test";

import { places, until } from "../stack.mjs";
import { CLOCK, startBrowser } from "./guests.mjs";

const browser = startBrowser(places.gateway);

/** Calls the API as the back end of an app. */
async function api(method, path, body) {
  const form = new URLSearchParams({ sub: "inviter", scope: "guestpass.invite" });
  const { access_token } = await (await fetch(`${places.issuer}/token`, { method: "POST", body: form })).json();
  const headers = { Authorization: `Bearer ${access_token}`, "Content-Type": "application/json" };
  const response = await fetch(`${places.gateway}/v1/${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

async function invite(members) {
  const meeting = { joinUrl: "https://teams.microsoft.com/l/meetup-join/19%3ameeting_test" };
  const created = await api("POST", "invitations", { meeting, displayName: "Ada Lovelace", closesAt: inAnHour(), ...members });
  return { ...created, link: `${places.gateway}/join/#${created.handle}` };
}

const used = async ({ invitation }) => (await api("GET", `invitations/${invitation.id}`)).devices.used;

test("a scanner takes no place, the guest joins and stays in, and another browser is refused", async () => {
  const invitation = await invite();
  const scanner = await browser.open(invitation.link, { profile: await browser.createProfile(), prepare: CLOCK });
  await scanner.scan(invitation.link);
  assert.equal(await used(invitation), 0);
  const guest = await browser.open(invitation.link);
  await guest.join();
  const identity = await guest.identity();
  assert.match(identity, /^8:acs:/);
  await guest.reload();
  await guest.shows("You are in, Ada Lovelace");
  assert.equal(await guest.identity(), identity);
  const other = await browser.open(invitation.link, { profile: await browser.createProfile() });
  await other.tap();
  await other.shows("This invitation is in use on another device");
  assert.equal(await used(invitation), 1);
  await api("POST", `invitations/${invitation.invitation.id}/revoke`, {});
  await guest.reload();
  await guest.shows("This invitation was withdrawn");
});

test("a wrong PIN is said, and the right one joins", async () => {
  const invitation = await invite({ pin: true });
  const guest = await browser.open(invitation.link);
  await guest.tap();
  await guest.shows("Enter the PIN");
  await guest.type(invitation.pin === "000000" ? "000001" : "000000");
  await guest.press("Enter");
  await until(async () => /This PIN is wrong/.test(await guest.text()), "the page says that the PIN is wrong");
  await guest.type(invitation.pin);
  await guest.press("Enter");
  await guest.shows("You are in, Ada Lovelace");
});

test("a handle that no invitation has, and an invitation that is not open yet, are said in plain words", async () => {
  const early = await invite({ opensAt: new Date(Date.now() + 1_800_000).toISOString() });
  for (const [link, title] of [
    [`${places.gateway}/join/#gp_${"0".repeat(22)}`, "This link is not valid"],
    [early.link, "The meeting is not open yet"],
  ]) {
    const guest = await browser.open(link);
    await guest.tap();
    await guest.shows(title);
  }
});
