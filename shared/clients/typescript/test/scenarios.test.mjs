// Runs the scenarios that all clients share.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { createTokenSource, GuestpassError } from "guestpass-client";
import { createGuestTokenSource } from "guestpass-client/guest";
import { createTeamsTokenSource } from "guestpass-client/teams";

import { settle, virtualDevice, VirtualClock, VirtualProvider, VirtualServer, virtualStorage } from "./virtual.mjs";

const { scenarios } = JSON.parse(readFileSync(new URL("../../scenarios.json", import.meta.url), "utf8"));

/** The handle of the invitation, unless a scenario has another one. */
const HANDLE = `gp_${"0".repeat(22)}`;

/** A scenario that runs: the client with everything around it, and what its calls returned. */
class Scenario {
  calls = {};
  states = [];

  constructor(scenario) {
    this.clock = new VirtualClock();
    this.clock.fraction = scenario.random ?? 0;
    this.server = new VirtualServer(this.clock, scenario);
    const options = {
      url: "https://guestpass.example/",
      fetch: this.server.fetch,
      clock: this.clock,
      onState: ({ name }) => this.states.push(name),
    };
    this.source = scenario.guest ? this.guestSource(options, scenario) : this.userSource(options, scenario);
    this.refresh = this.source.refresher();
  }

  userSource(options, { bearers, ...scenario }) {
    this.provider = new VirtualProvider(bearers);
    this.storage = "stored" in scenario ? virtualStorage(this.clock, scenario.stored) : undefined;
    this.server.teams = scenario.teams;
    const getBearer = (request) => this.provider.getBearer(request);
    const all = { ...options, getBearer, ...(this.storage && { storage: this.storage }) };
    if (!scenario.teams) return createTokenSource(all);
    return createTeamsTokenSource({ ...all, appId: "app", getTeamsToken: this.provider.getTeamsToken });
  }

  guestSource(options, { stored, guest: { handle = HANDLE, pin, storage } }) {
    this.device = virtualDevice(stored, storage);
    this.server.guest = { handle, device: this.device };
    return createGuestTokenSource({ ...options, handle, device: this.device, ...(pin && { pin }) });
  }

  async step(step) {
    if (step.at !== undefined) await this.clock.run(step.at * 1000 - this.clock.ran);
    if (step.run !== undefined) await this.clock.run(step.run * 1000);
    if (step.sleep !== undefined) this.clock.slept += step.sleep * 1000;
    if (step.storage) this.device.mode = step.storage;
    if (step.bearers) this.provider.bearers = step.bearers;
    if (step.call) this.call(step);
    await settle();
    assert.equal(this.server.unexpected, undefined);
    for (const [what, expected] of Object.entries(step.expect ?? {})) this.expect(what, expected);
  }

  call({ call, as, force, pin, maxWait, abortable }) {
    if (call === "abort") return this.calls[as].stop.abort();
    if (call === "wake" || call === "dispose") return this.source[call]();
    const stop = new AbortController();
    const record = (this.calls[as] = { stop, result: "pending" });
    const options = {
      ...(force && { force }),
      ...(pin && { pin }),
      ...(maxWait && { maxWaitMs: maxWait * 1000 }),
      ...(abortable && { signal: stop.signal }),
    };
    const promise = call === "refresh" ? this.refresh() : this.source[call](options);
    promise.then(
      (value) => {
        record.result = value?.token ?? "done";
        record.value = value;
      },
      (error) => {
        assert.ok(error instanceof GuestpassError, `not a GuestpassError: ${error?.stack}`);
        record.result = error.action;
        record.error = error;
      },
    );
  }

  expect(what, expected) {
    const { state } = this.source;
    const actual = {
      state: () => state.name,
      states: () => this.states,
      sent: () => this.server.sent,
      requests: () => this.server.sent.length,
      retryAt: () => this.clock.seconds(state.retryAt),
      tokenValid: () => state.tokenValid,
      expiresAt: () => this.clock.seconds(this.calls.a.value.expiresOnTimestamp),
      user: () => state.token.communicationUserId,
      device: () => this.device.value && this.device.name(this.device.value),
      ...Object.fromEntries(["meeting", "displayName", "opensAt", "closesAt"].map((member) => [member, () => this.calls.a.value[member]])),
      stored: () => this.storage.value && JSON.parse(this.storage.value).token,
    }[what];
    if (actual) return assert.deepEqual(actual(), expected, what);
    const { result, error } = this.calls[what];
    if (typeof expected === "string") return assert.equal(result, expected, what);
    const seen = Object.fromEntries(Object.keys(expected).map((name) => [name, error?.[name]]));
    assert.deepEqual(seen, expected, what);
  }
}

for (const scenario of scenarios.filter(({ only }) => !only || only === "typescript")) {
  test(scenario.name, async () => {
    const running = new Scenario(scenario);
    for (const [number, step] of scenario.steps.entries()) {
      try {
        await running.step(step);
      } catch (error) {
        error.message = `step ${number + 1}, at ${running.clock.seconds()} s: ${error.message}`;
        throw error;
      }
    }
  });
}
