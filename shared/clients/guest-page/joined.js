// What happens after the guest has joined. Replace this file with one that starts the call:
//
//   import { CallClient } from "@azure/communication-calling";
//   import { AzureCommunicationTokenCredential } from "@azure/communication-common";
//
//   export async function onJoined({ tokenRefresher, meeting, displayName, element }) {
//     const credential = new AzureCommunicationTokenCredential({ tokenRefresher, refreshProactively: true });
//     const agent = await new CallClient().createCallAgent(credential, { displayName });
//     const call = agent.join("joinUrl" in meeting ? { meetingLink: meeting.joinUrl } : meeting);
//     return () => call.hangUp(); // called if the invitation is revoked
//   }

const SNIPPET = `credential = new AzureCommunicationTokenCredential(
  { tokenRefresher, refreshProactively: true });
agent = await new CallClient().createCallAgent(
  credential, { displayName });
agent.join("joinUrl" in meeting
  ? { meetingLink: meeting.joinUrl } : meeting);`;

function node(name, text, style) {
  const made = document.createElement(name);
  made.textContent = text;
  if (style) made.className = style;
  return made;
}

function duration(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const two = (number) => `${number}`.padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Shows that the token is live. `element` is the place for the call; the returned function leaves it. */
export function onJoined({ tokenRefresher, meeting, closesAt, element }) {
  const { source } = tokenRefresher;
  const values = { identity: node("dd", "", "id"), left: node("dd", ""), renewed: node("dd", ""), meeting: node("dd", ""), closes: node("dd", "") };
  values.meeting.textContent = "joinUrl" in meeting ? `Teams link on ${new URL(meeting.joinUrl).host}` : "Teams meeting with an ID";
  values.closes.textContent = new Date(closesAt).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  const labels = { identity: "Identity in ACS", left: "Token valid for", renewed: "Renewed in", meeting: "Meeting", closes: "Invitation open until" };
  const list = node("dl", "");
  for (const [name, label] of Object.entries(labels)) list.append(node("dt", label, values[name].className), values[name]);
  const bar = node("progress", "");
  bar.setAttribute("aria-label", labels.left);
  const code = node("pre", SNIPPET);
  element.replaceChildren(
    node("p", "The token is live. This page has no calling SDK: joined.js is the place for it.", "soft"),
    list,
    bar,
    node("p", "The call starts with:", "soft"),
    code,
  );

  let token;
  let began = 0;
  const tick = () => {
    const now = Date.now();
    values.left.textContent = duration(token.expiresOnTimestamp - now);
    values.renewed.textContent = duration(token.refreshAfterTimestamp - now);
    bar.value = (token.expiresOnTimestamp - now) / (token.expiresOnTimestamp - began);
  };
  const accept = (state) => {
    if (state.name !== "ready") return;
    token = state.token;
    began = Date.now();
    values.identity.textContent = token.communicationUserId;
    tick();
  };
  accept(source.state);
  const unsubscribe = source.subscribe(accept);
  const timer = setInterval(tick, 1000);
  return () => {
    unsubscribe();
    clearInterval(timer);
    element.replaceChildren();
  };
}
