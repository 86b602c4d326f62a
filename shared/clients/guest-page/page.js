// The page of a guest: it shows the invitation, and requests a token only after a tap.

import { createGuestTokenRefresher } from "./guestpass-guest.js";
import { onJoined } from "./joined.js";
import { texts } from "./texts.js";

/** The longest time that a timer of a browser can wait. */
const LONGEST_TIMER = 2 ** 31 - 1;

const element = (id) => document.getElementById(id);
const view = { title: element("title"), text: element("text"), pin: element("pin-form"), join: element("join"), meeting: element("meeting"), notice: element("notice") };

/** Shows a title with its text, and what the guest can do next: `pin`, `join`, `meeting` or nothing. */
function show([title, text], next, notice = "") {
  const changed = view.title.textContent !== title;
  view.title.textContent = title;
  view.text.textContent = text;
  view.text.hidden = !text;
  for (const name of ["pin", "join", "meeting"]) view[name].hidden = name !== next;
  view.notice.textContent = notice;
  if (next === "pin") element("pin").focus();
  else if (changed) view.title.focus(); // a screen reader reads what is new
}

/** A value of this tab, or nothing if the browser blocks site data. */
function ofTab(name, value) {
  try {
    if (value) sessionStorage.setItem(name, value);
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

function canStore() {
  try {
    return !!localStorage;
  } catch {
    return false;
  }
}

async function configuration() {
  const response = await fetch("config.json", { credentials: "omit", cache: "no-cache" });
  const { service, inviter, footer } = await response.json();
  return { service: new URL(service || "/", location.href).href, inviter, footer };
}

/** Joins with a handle. Nothing is sent until the returned function is called. */
function createGuest(handle, service) {
  /** Ends what `onJoined` has begun; absent before. */
  let leave;
  let expires = 0;

  const tokenRefresher = createGuestTokenRefresher({ url: service, handle, onState: (state) => (leave ? showInMeeting(state) : showBefore(state)) });
  const { source } = tokenRefresher;

  function showBefore(state) {
    const { name, error } = state;
    if (name === "requesting") show(texts.joining);
    else if (name === "pin") askForPin(error.type.endsWith("pin-wrong") ? texts.pinWrong : "");
    else if (name === "waiting") show((error.type?.endsWith("invitation-not-open") ? texts.notOpen : texts.offline)(texts.time(state.retryAt)));
    else if (name === "ready") expires = state.token.expiresOnTimestamp;
    else if (error) refuse(state);
  }

  /** Why the token that is in use is the last one. Only one refusal means that the invitation has ended. */
  function notRenewed({ type }) {
    return (type?.endsWith("invitation-closed") ? texts.ended : texts.notRenewed)(texts.time(expires));
  }

  /** In the meeting, a token that is still valid stays in use, whatever its renewal says. */
  function showInMeeting(state) {
    if (state.name === "ready") expires = state.token.expiresOnTimestamp;
    if (state.name === "ready" || state.name === "waiting") view.notice.textContent = "";
    else if (state.error && state.name !== "blocked" && Date.now() < expires) view.notice.textContent = notRenewed(state.error);
    else if (state.error) {
      leave();
      leave = undefined;
      refuse(state);
    }
  }

  function askForPin(notice) {
    show(texts.pin, "pin", notice);
    element("pin").select();
  }

  function refuse({ name, error }) {
    view.join.textContent = texts.tryAgain;
    show(texts.refusal(error.type, name), "join", name === "failed" && error.requestId ? texts.reference(error.requestId) : "");
  }

  async function join(pin) {
    // The states say what fails, and an invitation that is not open yet may take longer than the usual half minute.
    const token = await source.fetch({ force: true, ...(pin && { pin }), maxWaitMs: LONGEST_TIMER }).catch(() => undefined);
    if (!token || leave) return;
    ofTab("guestpass-joined", "yes");
    show(texts.joined(token.displayName), "meeting");
    leave = () => view.meeting.replaceChildren();
    const { meeting, displayName, closesAt } = token;
    leave = (await onJoined({ tokenRefresher, meeting, displayName, closesAt, element: view.meeting })) ?? leave;
  }

  view.pin.addEventListener("submit", (event) => {
    event.preventDefault();
    const pin = element("pin").value.replace(/\s/g, "");
    if (!/^\d{6}$/.test(pin)) return askForPin(texts.pinMalformed);
    element("pin").value = "";
    void join(pin);
  });
  return () => void join();
}

async function start() {
  const handle = ofTab("guestpass-handle");
  addEventListener("hashchange", () => location.reload()); // another link in the same tab
  if (!canStore()) return show(texts.refusal(undefined, "storage"));
  if (!handle) return show(texts.noLink);
  const config = await configuration().catch(() => undefined);
  if (!config) return show(texts.notConfigured);
  if (config.inviter) {
    element("inviter").textContent = config.inviter;
    element("inviter").hidden = false;
  }
  element("footer").textContent = config.footer ?? "";
  const join = createGuest(handle, config.service);
  view.join.addEventListener("click", join);
  // A tab that had joined comes back after a reload: it is the same device, so it takes no second place.
  if (ofTab("guestpass-joined")) join();
  else view.join.hidden = false;
}

await start();
document.body.dataset.shown = "yes";
