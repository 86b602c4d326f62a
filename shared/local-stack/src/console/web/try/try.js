// The page Try it: an app with guestpass-client, and buttons for what happens around it.

import { absolute, action, announce, byId, duration, el, json, now, poll, readClock, show, showClock, time } from "/assets/common.js";
import { bearerCommand, command, nameBearer, recordCalls } from "/assets/calls.js";
import { createTokenSource } from "/assets/guestpass-client.js";
import { claimsOf, requestTokens, signIn } from "/assets/session.js";
import { drawTimeline } from "/assets/timeline.js";

const stack = await json("/_local/stack");
const call = recordCalls(byId("calls"));
const ADMINISTRATOR = { sub: "root", scope: "guestpass.admin", role: "guestpass-admin" };

/** Everything that the page knows of its user. It is never stored. */
const app = { session: null, user: null, source: null, token: null, identity: null, down: false, active: null };
const tokens = [];
const marks = [];

function log(text, kind = "soft") {
  marks.push({ at: now(), kind, text });
  byId("log").prepend(el("li", {}, el("div", { className: "line" }, el("span", { className: kind }, text), time(now()))));
  while (byId("log").children.length > 100) byId("log").lastElementChild.remove();
  draw();
}

const draw = () => drawTimeline(byId("timeline"), tokens, marks);

const SHOWN_STATES = {
  idle: ["soft", "no token"], requesting: ["warn", "requesting a token"], ready: ["good", "valid token"],
  waiting: ["warn", "waiting to retry"], "sign-in": ["bad", "the user has to sign in"], blocked: ["bad", "the user is blocked"],
  failed: ["bad", "failed"], "signed-out": ["soft", "signed out"],
};

/** Shows a state of the client, and writes it on the time line. */
function onState(state) {
  if (!SHOWN_STATES[state.name]) return;
  const [style, text] = SHOWN_STATES[state.name];
  byId("state").className = `state ${style}`;
  byId("state").textContent = text;
  const reason = state.error && `${state.error.message}${state.retryAt ? `. Next try in ${duration(Math.max(state.retryAt - now(), 1000))}` : ""}`;
  byId("reason").hidden = !reason;
  byId("reason").textContent = reason ?? "";
  if (state.name === "ready") void onToken();
  else if (state.name !== "requesting") log(reason ? `${text}: ${reason}` : text, style);
  if (["blocked", "signed-out"].includes(state.name)) dropToken();
  if (state.name === "blocked") markRevoked();
}

async function onToken() {
  const token = await app.source.fetch();
  if (token.token === app.token?.token) return;
  app.token = token;
  app.active = null;
  app.identity = token.communicationUserId;
  tokens.push({ issuedAt: now(), refreshAt: token.refreshAfterTimestamp, expiresAt: token.expiresOnTimestamp, token: token.token });
  log(tokens.length === 1 ? "The first token: the user has an identity in ACS" : "A new token", "good");
  showToken();
  enable();
}

/** The app has no token any more; in ACS, it may still be valid. */
function dropToken() {
  app.token = null;
  showToken();
}

/** ACS has revoked all tokens of the user. */
function markRevoked() {
  for (const token of tokens) if (!token.endedAt && token.expiresAt > now()) token.endedAt = now();
  draw();
}

const fact = (name, ...values) => [el("dt", {}, name), el("dd", {}, ...values)];

function showToken() {
  show("token", [app.token?.token, app.active], () => {
    if (!app.token) return [];
    const { scp, ...claims } = claimsOf(app.token.token);
    const scopes = claims.acsScope ?? claims.scope ?? scp;
    const bar = el("span", { id: "life" });
    return [
      el("div", { id: "life-left", className: "life-left", role: "progressbar", "aria-label": "Life of the token that is left", "aria-valuemin": 0, "aria-valuemax": 100 }, bar),
      el("dl", { className: "facts" },
        ...fact("Expires", el("span", { id: "expires" })),
        ...fact("Next refresh", time(app.token.refreshAfterTimestamp)),
        ...fact("Scopes", el("code", {}, `${scopes}`.replaceAll(",", " "))),
        ...fact("Identity", el("code", {}, app.token.communicationUserId)),
        ...fact("ACS says", el("span", { id: "at-acs", className: app.active === null ? "soft" : app.active.active ? "good" : "bad" },
          app.active === null ? "…" : app.active.active ? "valid" : app.active.reason))),
      el("details", {}, el("summary", {}, "The claims of the token"), el("pre", {}, JSON.stringify({ scp, ...claims }, null, 2))),
    ];
  });
  showLife();
}

function showLife() {
  const drawn = byId("life");
  const last = tokens.at(-1);
  if (!drawn || !last) return;
  const left = Math.max(last.expiresAt - now(), 0);
  const percent = Math.round((100 * left) / (last.expiresAt - last.issuedAt));
  drawn.style.width = `${percent}%`;
  byId("life-left").setAttribute("aria-valuenow", percent);
  byId("life-left").setAttribute("aria-valuetext", `${duration(left)} left`);
  byId("expires").textContent = left > 0 ? `in ${duration(left)}` : "expired";
  byId("expires").title = absolute(last.expiresAt);
}

/** Asks ACS about the token. If it was revoked, the app notices as it would in a call, and requests another one. */
async function askAcs() {
  if (!app.token) return;
  const { token } = app.token;
  const answer = await json(`${stack.acs.http}/_emulator/introspect`, { method: "POST", body: JSON.stringify({ token }) });
  if (app.token?.token !== token) return;
  const { active, reason = null } = answer;
  const wasActive = app.active?.active ?? true;
  app.active = { active, reason };
  showToken();
  const known = tokens.find((one) => one.token === token);
  if (active || !wasActive || reason === "expired") return;
  known.endedAt = now();
  log("ACS has revoked the token: the app requests another one", "bad");
  await requestToken();
}

/** The client tells the outcome as a state. */
const requestToken = () => app.source.fetch({ force: true }).then(() => {}, () => {});

function enable() {
  for (const id of ["refresh", "sign-out"]) byId(id).disabled = !app.session;
  for (const id of ["revoke", "block", "disable", "enable"]) byId(id).disabled = !app.identity;
}

async function onSignIn() {
  const [user, profile] = [byId("user").value.trim(), byId("profile").value];
  const session = await signIn({ call, issuer: stack.issuer, scope: "guestpass.token", user, profile });
  app.source?.dispose();
  dropToken();
  const { iss, sub } = session.claims;
  // The time line is of one user.
  if (app.user !== `${iss} ${sub}`) tokens.length = 0;
  Object.assign(app, { session, identity: null, user: `${iss} ${sub}` });
  log(`${sub} has signed in`, "accent");
  showBearer();
  app.source = createTokenSource({
    url: stack.gateway,
    getBearer: async (request) => {
      const bearer = (await app.session?.bearer(request)) ?? null;
      if (bearer) nameBearer(bearer, "BEARER");
      showBearer();
      return bearer;
    },
    onState,
    fetch: call,
    tabs: false,
    clock: { now, random: Math.random, after: (milliseconds, run) => { const timer = setTimeout(run, milliseconds); return () => clearTimeout(timer); } },
  });
  const claims = { sub, profile: byId("profile").value, scope: "guestpass.token" };
  byId("setup").replaceChildren(
    command("the user's bearer", bearerCommand("BEARER", stack.issuer, claims)),
    command("the administrator's bearer", bearerCommand("ADMIN", stack.issuer, ADMINISTRATOR)),
  );
  enable();
  await requestToken();
}

function showBearer() {
  const claims = app.session?.claims;
  byId("bearer").hidden = !claims;
  if (!claims) return void (byId("session").textContent = "No user is signed in.");
  byId("session").textContent = `Signed in as ${claims.sub}. The bearer expires at ${new Date(claims.exp * 1000).toLocaleTimeString()}.`;
  byId("bearer").querySelector("pre").textContent = JSON.stringify(claims, null, 2);
}

async function onSignOut() {
  await app.source.signOut();
  markRevoked();
  log("ACS has confirmed the sign-out: all tokens of the user are revoked", "soft");
  app.session = null;
  showBearer();
  enable();
}

/** A request of the administrator, who gets a new bearer for each. */
async function revoke(body) {
  const { access_token: bearer } = await requestTokens(call, stack.issuer, ADMINISTRATOR);
  nameBearer(bearer, "ADMIN");
  const response = await call(`${stack.gateway}/v1/identities/${app.identity}/revoke`, {
    method: "POST",
    headers: { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const receipt = await response.json();
  if (!response.ok) throw new Error(receipt.title ?? receipt.message);
  log(body.block ? "The administrator has blocked the user" : "The administrator has revoked all tokens", "warn");
  byId("unblock").hidden = byId("unblock-command").hidden = !body.block;
  byId("unblock-command").textContent = `cargo run -q -p guestpass-cli -- user unblock --local ${app.identity}`;
  await askAcs();
}

/** An event of the identity provider, over the bus of the stack. */
async function sendEvent(type, text) {
  const detail = { acsId: app.identity, occurredAt: new Date(now()).toISOString(), eventId: crypto.randomUUID() };
  const body = JSON.stringify({ bus: stack.eventBus, source: "guestpass.identity", "detail-type": type, detail });
  const response = await call(`${location.origin}/_local/events`, { method: "POST", body });
  if (!response.ok) throw new Error((await response.json()).message);
  log(text, "warn");
}

/** Moves the clock of everything in the stack. The client notices as it does after the sleep of a laptop. */
async function advance(hours) {
  await call(`${location.origin}/_local/clock`, { method: "POST", body: JSON.stringify({ advanceSeconds: hours * 3600 }) });
  await clockMoved();
}

async function clockMoved() {
  if (!(await readClock())) return;
  showClock();
  log(`The clock was moved: it is ${absolute(now())}`);
  document.dispatchEvent(new Event("visibilitychange"));
  showToken();
}

async function setDown(down) {
  const faults = [{ operation: "*", action: { status: 503 } }];
  const url = `${stack.acs.http}/_emulator/faults`;
  await call(url, down ? { method: "POST", body: JSON.stringify({ faults }) } : { method: "DELETE" });
  log(down ? "ACS is down: it answers 503" : "ACS is up again", down ? "bad" : "good");
  showDown(down);
}

function showDown(down) {
  app.down = down;
  byId("down").setAttribute("aria-pressed", down);
}

async function refresh() {
  await clockMoved();
  showClock();
  showLife();
  draw();
  showDown((await json(`${stack.acs.http}/_emulator/faults`)).faults.length > 0);
  await askAcs();
}

byId("profile").append(...stack.profiles.map((name) => el("option", {}, name)));
if (stack.apiIssuer) {
  byId("other-issuer").hidden = false;
  byId("other-issuer").textContent = `The gateway accepts the tokens of ${stack.apiIssuer}, and none of the development issuer.`;
}
byId("sign-in").addEventListener("submit", (event) => event.preventDefault());
action(byId("sign-in-button"), onSignIn);
action(byId("refresh"), requestToken);
action(byId("sign-out"), onSignOut);
action(byId("revoke"), () => revoke({ reason: "tried on the page" }));
action(byId("block"), () => revoke({ block: true, reason: "tried on the page" }));
action(byId("disable"), () => sendEvent("user.disabled", "The identity provider has disabled the account"));
action(byId("enable"), () => sendEvent("user.enabled", "The identity provider has enabled the account"));
action(byId("hour"), () => advance(1));
action(byId("hours"), () => advance(6));
action(byId("down"), () => setDown(!app.down));

await readClock();
await poll(refresh);
window.ready = true;
dispatchEvent(new Event("app-ready"));
announce("");
