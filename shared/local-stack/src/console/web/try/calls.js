// The requests of the page, shown as curl commands that can be pasted.

import { copyButton, el, now, quote, time } from "/assets/common.js";

const MOST = 12;
const READ_TOKEN = `python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])'`;

/** The shell variables that hold the bearers of the page. */
const variables = new Map();

/** Requests with this bearer are shown with a shell variable in its place. */
export const nameBearer = (bearer, variable) => variables.set(bearer, variable);

/** A command that sets a shell variable to a bearer with these claims. */
export function bearerCommand(variable, issuer, claims) {
  const fields = Object.entries(claims).filter(([, value]) => value).map(([name, value]) => `--data-urlencode ${quote(`${name}=${value}`)}`);
  return `${variable}=$(curl -s ${fields.join(" ")} ${issuer}/token | ${READ_TOKEN})`;
}

/** The command for a request; nothing for one that works only once. */
function curl(url, { method = "GET", headers = {}, body }) {
  if (body instanceof URLSearchParams && body.has("grant_type")) return undefined;
  const parts = ["curl -s"];
  if (method !== (body ? "POST" : "GET")) parts.push(`-X ${method}`);
  for (const [name, value] of Object.entries(headers)) {
    const variable = variables.get(value.replace("Bearer ", ""));
    parts.push(variable ? `-H "${name}: Bearer $${variable}"` : `-H ${quote(`${name}: ${value}`)}`);
  }
  if (body instanceof URLSearchParams) parts.push(...[...body].map(([name, value]) => `--data-urlencode ${quote(`${name}=${value}`)}`));
  else if (body) parts.push(`-d ${quote(body)}`);
  return [...parts, url].join(" ");
}

/** A command with a button that copies it. */
export function command(title, text) {
  return el("div", {}, el("div", { className: "line" }, el("span", { className: "soft" }, title), copyButton(() => text, title)), el("pre", {}, text));
}

/** `fetch`, with each request shown in the list `place`. */
export function recordCalls(place) {
  return async (url, options = {}) => {
    const began = performance.now();
    const status = el("span", { className: "soft" }, "…");
    const line = el("div", { className: "line" }, el("strong", {}, `${options.method ?? "GET"} ${new URL(url, location.href).pathname}`), status, time(now()));
    const text = curl(url, options);
    if (text) line.append(copyButton(() => text, "the command"));
    const form = options.body instanceof URLSearchParams && options.body.get("grant_type");
    const note = el("p", { className: "soft" }, form === "refresh_token" ? "Exchanges the refresh token, which works once." : "Exchanges the code, which works once.");
    place.prepend(el("li", {}, line, text ? el("pre", {}, text) : note));
    while (place.children.length > MOST) place.lastElementChild.remove();
    try {
      const response = await fetch(url, options);
      status.className = response.ok ? "good" : "bad";
      status.textContent = `${response.status} in ${Math.round(performance.now() - began)} ms`;
      return response;
    } catch (error) {
      status.className = "bad";
      status.textContent = "no response";
      throw error;
    }
  };
}
