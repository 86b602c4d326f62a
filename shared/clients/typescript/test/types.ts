// Compiled, not run: the types fit Microsoft's, and a switch over an error or a state covers every case.

import { AzureCommunicationTokenCredential, type CommunicationTokenRefreshOptions } from "@azure/communication-common";

import { createTokenRefresher, createTokenSource, GuestpassError, type State, type TokenError, type TokenSource } from "guestpass-client";

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

// @ts-expect-error A state has no token that a log could show.
export const leak = (state: State) => state.name === "ready" && state.token.token;
// @ts-expect-error A scope that does not exist.
createTokenSource({ url: "", getBearer: () => "", request: { scopes: ["admin"] } });
// @ts-expect-error The URL is missing.
createTokenSource({ getBearer: () => "" });
// @ts-expect-error The base class cannot be created.
new GuestpassError("name", "message");
