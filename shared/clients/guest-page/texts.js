// What the page says. Translate it here.

/** What a refusal means, by the last part of its problem type, or by the state of the client. */
const REFUSALS = {
  "invitation-unknown": ["This link is not valid", "It may be incomplete, or the invitation no longer exists. Open the link from your invitation again, or ask the person who invited you for a new one."],
  "invitation-closed": ["The meeting is over", "The invitation was valid until the end of the meeting. If it continues, ask the person who invited you to extend it."],
  "invitation-used-up": ["This invitation is in use on another device", "Go on with the device and the browser with which you opened it first. If that was not you, tell the person who invited you, and ask for a new link."],
  "invitation-locked": ["This invitation is locked", "The PIN was wrong too often. Ask the person who invited you to unlock it."],
  "invitation-revoked": ["This invitation was withdrawn", "Ask the person who invited you whether there is a new one."],
  "beyond-policy": ["This invitation is not permitted any more", "The rules of the service have changed since it was made. Ask the person who invited you for a new one."],
  "user-blocked": ["You were removed from the meeting", "Ask the person who invited you if you think that this is a mistake."],
  storage: ["Your browser keeps nothing for this page", "The invitation counts devices, so the page must be able to recognise yours. Nothing was sent. Allow site data for this page, leave the private window, or open the link in another browser."],
  failed: ["Joining is not possible at the moment", "Something is wrong with this page or its service. Try again later, or tell the person who invited you."],
};

export const texts = {
  joining: ["Joining …", ""],
  pin: ["Enter the PIN", "This invitation has a PIN. It is needed once on this device."],
  pinWrong: "This PIN is wrong. After ten wrong ones, the invitation is locked.",
  pinMalformed: "A PIN has six digits. Nothing was sent.",
  noLink: ["Open the link from your invitation", "The address of this page has no invitation. Open the whole link that you received."],
  notConfigured: ["This page is not set up", "The file config.json is missing or invalid."],
  notOpen: (time) => ["The meeting is not open yet", `Leave this page open: it joins as soon as the meeting opens. It looks again at ${time}.`],
  offline: (time) => ["The service does not answer", `Leave this page open: it tries again at ${time}.`],
  joined: (name) => [name ? `You are in, ${name}` : "You are in", ""],
  // A cleanup may delete the guest before the token expires, so both say "at the latest".
  ended: (time) => `The invitation has ended. Unless it is extended, your access ends at ${time} at the latest.`,
  notRenewed: (time) => `Your access could not be renewed. If the next tries fail, too, it ends at ${time} at the latest. Tell the person who invited you.`,
  tryAgain: "Try again",
  refusal: (type, state) => REFUSALS[type?.split("/").at(-1)] ?? REFUSALS[state] ?? REFUSALS.failed,
  time: (timestamp) => new Date(timestamp).toLocaleTimeString(undefined, { timeStyle: "medium" }),
  reference: (requestId) => `Reference for support: ${requestId}`,
};
