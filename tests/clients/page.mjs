// The app in the browser: a credential of Microsoft with the client, as the tests of browser.test.mjs use it.

import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import { createTokenRefresher } from "guestpass-client";

// The clock of the page can jump, as that of a laptop that slept. Its timers stood still.
let slept = 0;
const realNow = Date.now;
Date.now = () => realNow() + slept;

const unhandled = [];
addEventListener("unhandledrejection", ({ reason }) => unhandled.push(String(reason)));

/** Signs in and creates a credential. The bearer of the page is kept, as libraries do. */
function start({ gateway, issuer, sub }) {
  let bearer;
  const signIn = async () => {
    const body = new URLSearchParams({ sub, scope: "guestpass.token" });
    return (await (await fetch(`${issuer}/token`, { method: "POST", body })).json()).access_token;
  };
  const app = { states: [], bearers: 0, unhandled };
  const tokenRefresher = createTokenRefresher({
    url: gateway,
    getBearer: async ({ forceRefresh }) => {
      if (!bearer || forceRefresh) {
        bearer = app.session === "ended" ? null : await signIn();
        app.bearers += 1;
      }
      return bearer;
    },
    onState: ({ name }) => app.states.push(name),
  });
  app.source = tokenRefresher.source;
  app.credential = new AzureCommunicationTokenCredential({ tokenRefresher, refreshProactively: true });
  app.token = async () => (await app.credential.getToken()).token;
  app.fetch = (options) => app.source.fetch(options).then(({ token }) => token, ({ action }) => action);
  app.sleep = (milliseconds) => {
    slept += milliseconds;
    document.dispatchEvent(new Event("visibilitychange")); // as when the lid opens
  };
  app.reach = (name) => app.source.state.name === name || new Promise((reached) => app.source.subscribe((state) => state.name === name && reached(true)));
  return app;
}

window.start = (options) => void (window.app = start(options));
window.ready = true;
dispatchEvent(new Event("app-ready"));
