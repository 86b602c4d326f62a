// The time line: each token as a bar from its issue to its end, and what happened as marks.

import { absolute, duration, now } from "/assets/common.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, LANE, TOP, LANES] = [720, 22, 30, 5];

function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** The distance of the marks of an axis: at most eight of them. */
function step(span) {
  const steps = [60, 300, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800].map((seconds) => seconds * 1000);
  return steps.find((one) => span / one <= 8) ?? span / 8;
}

/**
 * Draws the time line into an element. `tokens` have `issuedAt`, `refreshAt`, `expiresAt`, and `endedAt` if they were
 * revoked; `marks` have `at`, `kind` and `text`.
 */
export function drawTimeline(place, tokens, marks) {
  const latest = tokens.slice(-LANES);
  const start = Math.min(...[latest[0]?.issuedAt, marks[0]?.at].filter(Boolean), now() - 60_000);
  const from = latest.length === LANES ? latest[0].issuedAt : start;
  const until = Math.max(now() + 60_000, ...latest.map(({ expiresAt }) => expiresAt));
  const x = (at) => 8 + ((WIDTH - 16) * (Math.min(Math.max(at, from), until) - from)) / (until - from);
  const height = TOP + LANE * Math.max(latest.length, 1) + 26;
  const parts = [];

  const distance = step(until - from);
  for (let at = Math.ceil(from / distance) * distance; at <= until; at += distance) {
    const text = new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    parts.push(svg("line", { x1: x(at), x2: x(at), y1: TOP - 8, y2: height - 22, class: "grid" }));
    if (x(at) > 24 && x(at) < WIDTH - 24) parts.push(svg("text", { x: x(at), y: height - 6, class: "tick" }, text));
  }
  latest.forEach((token, index) => {
    const [left, end] = [x(token.issuedAt), x(Math.min(token.endedAt ?? Infinity, token.expiresAt))];
    const y = TOP + LANE * index;
    const style = token.endedAt ? "token revoked" : now() >= token.expiresAt ? "token expired" : "token";
    parts.push(
      svg("rect", { x: left, y, width: Math.max(x(token.expiresAt) - left, 2), height: LANE - 7, rx: 3, class: "life" }),
      svg("rect", { x: left, y, width: Math.max(end - left, 3), height: LANE - 7, rx: 3, class: style },
        svg("title", {}, `Token of ${absolute(token.issuedAt)}, ${token.endedAt ? "revoked" : `expires ${absolute(token.expiresAt)}`}`)),
    );
    if (!token.endedAt) parts.push(svg("line", { x1: x(token.refreshAt), x2: x(token.refreshAt), y1: y - 1, y2: y + LANE - 6, class: "refresh" }));
  });
  for (const { at, kind, text } of marks.filter((mark) => mark.at >= from)) {
    parts.push(svg("circle", { cx: x(at), cy: TOP - 14, r: 4.5, class: `mark ${kind}` }, svg("title", {}, `${absolute(at)}: ${text}`)));
  }
  parts.push(
    svg("line", { x1: x(now()), x2: x(now()), y1: 8, y2: height - 22, class: "now" }),
    svg("text", { x: Math.min(Math.max(x(now()), 16), WIDTH - 16), y: 8, class: "now-text" }, "now"),
  );
  place.replaceChildren(svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": summary(tokens) }, ...parts));
}

/** The time line in words. The list below it has all events. */
function summary(tokens) {
  const last = tokens.at(-1);
  if (!last) return "Time line: no token yet";
  const state = last.endedAt ? "revoked" : last.expiresAt > now() ? `valid for ${duration(last.expiresAt - now())}` : "expired";
  return `Time line: ${tokens.length} ${tokens.length === 1 ? "token" : "tokens"}; the last one is ${state}`;
}
