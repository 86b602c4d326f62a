// The way of two invitations from the operator's tool to the deletion of their guests: one is revoked, the other ends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { json } from "node:stream/consumers";
import { test } from "node:test";

import { introspect, places, until } from "../stack.mjs";
import { startBrowser } from "./guests.mjs";

const MEETING = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_journey";

const browser = startBrowser(places.gateway);

/** What a command of the operator's tool prints. */
async function guestpass(...command) {
  const tool = spawn(process.env.GUESTPASS, [...command, "--stack-file", process.env.STACK_JSON, "-o", "json"], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => tool.on("close", resolve));
  tool.stdin.end(MEETING);
  const printed = await json(tool.stdout);
  assert.equal(await ended, 0, command.join(" "));
  return printed;
}

/** Creates an invitation for two hours. Returns its link and its id. */
async function invite() {
  const { handle, joinUrl, invitation } = await guestpass("invitation", "create", "--closes-in", "2h", "--display-name", "Ada Lovelace");
  assert.equal(joinUrl, `${places.gateway}/join/#${handle}`);
  return { joinUrl, ...invitation };
}

const get = async (url) => (await fetch(url)).json();

/** Those of these identities that ACS has. */
async function held(wanted) {
  const { identities } = await get(`${places.acs.http}/_emulator/identities`);
  return wanted.filter((one) => identities.some(({ id }) => id === one));
}

/** Moves the clock of the stack to a time. */
async function moveClock(time) {
  const { now } = await get(`${places.console}/_local/clock`);
  const advanceSeconds = Math.ceil((Date.parse(time) - Date.parse(now)) / 1000);
  const moved = await fetch(`${places.console}/_local/clock`, { method: "POST", body: JSON.stringify({ advanceSeconds }) });
  assert.equal(moved.status, 200);
}

/** The runs of the scheduled cleanup. One that the clock overtook deletes no guest. */
async function cleanupRuns() {
  const { schedules } = await get(`${places.console}/_local/schedules`);
  return schedules.find(({ name }) => name === "DeleteStaleIdentitiesSchedule").runs;
}

test("an invitation of the operator's tool is joined once and revoked, another ends, and ACS keeps no guest of either", async () => {
  const revoked = await invite();
  const guest = await browser.open(revoked.joinUrl);
  await guest.join();
  const token = await guest.token();
  const live = await introspect(token);
  assert.deepEqual([live.active, live.scopes], [true, ["voip.join"]]);
  const other = await browser.open(revoked.joinUrl, { profile: await browser.createProfile() });
  await other.tap();
  await other.shows("This invitation is in use on another device");

  const identity = await guest.identity();
  const receipt = await guestpass("invitation", "revoke", revoked.id, "--yes");
  assert.equal(receipt.identities, 1);
  assert.equal((await introspect(token)).active, false);
  await guest.reload();
  await guest.shows("This invitation was withdrawn");

  const ended = await invite();
  const second = await browser.open(ended.joinUrl);
  await second.join();
  assert.equal((await introspect(await second.token())).active, true);
  const guests = [identity, await second.identity()];
  assert.deepEqual(await held(guests), guests);

  await moveClock(ended.closesAt);
  await second.reload();
  await second.shows("The meeting is over");
  assert.deepEqual(await held(guests), guests);
  // The latest hour at which the schedule is due is then after the announced deletion.
  await moveClock(new Date(Date.parse(ended.deleteAt) + 3_600_000).toISOString());
  await until(async () => (await held(guests)).length === 0, "the scheduled cleanup has deleted the guests", 60);
  // Guests of other tests are due, too.
  const deletes = ({ status, result }) => status === "succeeded" && result.guests?.deleted >= guests.length;
  await until(async () => (await cleanupRuns()).some(deletes), "a run of the schedule has deleted them");
});
