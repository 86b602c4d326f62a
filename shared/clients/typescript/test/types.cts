// Compiled, not run: an app in CommonJS gets the types of the build for `require`.

import common = require("@azure/communication-common");
import client = require("guestpass-client");
import guests = require("guestpass-client/guest");
import teams = require("guestpass-client/teams");

const refresher = client.createTokenRefresher({ url: "https://guestpass.example", getBearer: () => "bearer" });
export const credential = new common.AzureCommunicationTokenCredential({ tokenRefresher: refresher, refreshProactively: true });
export const source: client.TokenSource = refresher.source;
export const guest: guests.GuestTokenSource = guests.createGuestTokenRefresher({ url: "https://guestpass.example", handle: "gp_" }).source;
export const teamsCallback: common.CommunicationTokenRefreshOptions["tokenRefresher"] = teams.createTeamsTokenRefresher({
  url: "https://guestpass.example",
  getBearer: () => "bearer",
  appId: "11111111-2222-3333-4444-555555555555",
  getTeamsToken: () => "entra",
});

// @ts-expect-error The URL is missing.
client.createTokenSource({ getBearer: () => "" });
// @ts-expect-error A guest has no account to sign out of.
guest.signOut();
// @ts-expect-error The Entra token is missing.
teams.createTeamsTokenRefresher({ url: "", getBearer: () => "", appId: "" });
