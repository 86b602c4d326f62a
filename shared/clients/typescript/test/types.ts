// Compiled, not run: the types fit Microsoft's, and a switch over an error or a state covers every case.

import { AzureCommunicationTokenCredential, type CommunicationTokenRefreshOptions } from "@azure/communication-common";

import { createTokenRefresher, createTokenSource, GuestpassError, type State, type TokenError, type TokenSource } from "guestpass-client";
import { createTeamsTokenRefresher } from "guestpass-client/teams";
import { createGuestTokenRefresher, type GuestError, type GuestState, type GuestToken, type GuestTokenSource } from "guestpass-client/guest";

const refresher = createTokenRefresher({ url: "https://guestpass.example", getBearer: () => "bearer" });
export const callback: CommunicationTokenRefreshOptions["tokenRefresher"] = refresher;
export const credential = new AzureCommunicationTokenCredential({ tokenRefresher: refresher, refreshProactively: true });
export const source: TokenSource = createTokenSource({
  url: new URL("https://guestpass.example"),
  getBearer: async ({ forceRefresh, signal }) => (forceRefresh || signal.aborted ? null : undefined),
  request: { scopes: ["voip", "chat"], expiresInMinutes: 60 },
  storage: { load: async () => null, save: async () => undefined },
  onState: (state) => void state.name,
});
export const another = createTokenRefresher(source);
export const teams: CommunicationTokenRefreshOptions["tokenRefresher"] = createTeamsTokenRefresher({
  url: "https://guestpass.example",
  getBearer: () => "bearer",
  appId: "11111111-2222-3333-4444-555555555555",
  getTeamsToken: async ({ forceRefresh, signal }) => (forceRefresh || signal.aborted ? null : "entra"),
});

export function textOf(error: TokenError): string {
  switch (error.action) {
    case "retry":
      return `try again in ${(error.retryAfterMs ?? 1000) / 1000} s`;
    case "sign-in":
    case "blocked":
    case "give-up":
      return `${error.status} ${error.type} ${error.requestId}`;
    case "none":
      return "";
  }
}

export function stateOf(state: State): string {
  switch (state.name) {
    case "ready":
      return `${state.token.communicationUserId} until ${state.token.expiresOnTimestamp}`;
    case "waiting":
      return `${state.error.message}, again at ${state.retryAt}; valid: ${state.tokenValid}`;
    case "sign-in":
    case "blocked":
    case "failed":
      return state.error.action;
    case "idle":
    case "requesting":
    case "signed-out":
    case "disposed":
      return state.name;
  }
}

const guestRefresher = createGuestTokenRefresher({
  url: "https://guestpass.example",
  handle: "gp_",
  pin: "000000",
  device: { load: async () => null, save: async () => undefined },
  onState: (state) => void state.name,
});
export const guest: GuestTokenSource = guestRefresher.source;
export const guestCallback: CommunicationTokenRefreshOptions["tokenRefresher"] = guestRefresher;
export const guestCredential = new AzureCommunicationTokenCredential({ tokenRefresher: guestRefresher, refreshProactively: true });

export async function meetingOf(source: GuestTokenSource): Promise<string> {
  const { token, meeting, displayName, opensAt, closesAt }: GuestToken = await source.fetch({ pin: "000000", maxWaitMs: 1000 });
  const where = "joinUrl" in meeting ? meeting.joinUrl : `${meeting.meetingId} ${meeting.passcode}`;
  return [token, where, displayName, opensAt, closesAt].join();
}

export function helpFor(error: GuestError): string {
  switch (error.action) {
    case "pin":
      return error.type === "/problems/pin-wrong" ? "wrong" : "required";
    case "ask-host":
      return error.type.replace("/problems/invitation-", "");
    case "retry":
      return `${error.retryAfterMs}`;
    case "blocked":
    case "storage":
    case "give-up":
    case "none":
      return error.message;
  }
}

export function guestStateOf(state: GuestState): string {
  switch (state.name) {
    case "ready":
      return state.token.communicationUserId;
    case "waiting":
      return `${state.retryAt}`;
    case "pin":
    case "ask-host":
    case "blocked":
    case "storage":
    case "failed":
      return state.error.action;
    case "idle":
    case "requesting":
    case "disposed":
      return state.name;
  }
}

// @ts-expect-error The state of a guest does not have the meeting.
export const meeting = (state: GuestState) => state.name === "ready" && state.token.meeting;
// @ts-expect-error A guest has no account to sign out of.
guest.signOut();
// @ts-expect-error The handle is missing.
createGuestTokenRefresher({ url: "" });
// @ts-expect-error A state has no token that a log could show.
export const leak = (state: State) => state.name === "ready" && state.token.token;
// @ts-expect-error A scope that does not exist.
createTokenSource({ url: "", getBearer: () => "", request: { scopes: ["admin"] } });
// @ts-expect-error The URL is missing.
createTokenSource({ getBearer: () => "" });
// @ts-expect-error The base class cannot be created.
new GuestpassError("name", "message");
// @ts-expect-error A Teams user's scopes are those of the Entra token.
createTeamsTokenRefresher({ url: "", getBearer: () => "", appId: "", getTeamsToken: () => "", request: { scopes: ["voip"] } });
