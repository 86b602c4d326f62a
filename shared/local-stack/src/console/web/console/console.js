// The first page: what is in the stack, and what happens there.

import { action, announce, byId, copyButton, el, json, now, poll, readClock, show, showClock, table, time } from "/assets/common.js";

const PAGE = 10;

const STATES = { active: "good", blocked: "bad", stuck: "bad", deleting: "warn", provisioning: "warn" };

const view = { search: "", state: "", offset: 0, events: "", requests: "" };

/** The latest events and requests, which the page filters itself. */
const latest = { events: [], requests: [] };

const code = (text) => el("code", {}, text);

async function showStack() {
  const { acs, firstRequest, administratorToken, ...rest } = await json("/_local/stack");
  byId("example").textContent = firstRequest;
  byId("administrator").textContent = administratorToken;
  byId("first-title").after(copyButton(() => firstRequest, "the first request"));
  const named = { ...rest, "ACS (http)": acs.http, "ACS (https)": acs.https, "CA certificate of ACS": acs.caCert };
  const rows = Object.entries(named).filter(([, value]) => typeof value === "string" && value);
  byId("addresses").replaceChildren(table("Addresses", ["Service", "Address"], rows.map(([name, value]) => [name, code(value)]), ""));
}

function showFigures({ total, byState, liveTokens }, queues) {
  const deadLetters = queues.filter((queue) => queue.isDeadLetterQueueOf.length > 0).reduce((sum, queue) => sum + queue.visible, 0);
  const figures = [
    ["Identities", total],
    ["Valid tokens", liveTokens],
    ["Blocked users", byState.blocked ?? 0, byState.blocked ? "warn" : ""],
    ["Stuck", byState.stuck ?? 0, byState.stuck ? "bad" : ""],
    ["Dead letters", deadLetters, deadLetters ? "bad" : ""],
  ];
  show("figures", figures, () => figures.map(([name, value, style]) => el("div", {}, el("dt", {}, name), el("dd", { className: style ?? "" }, value.toLocaleString()))));
  byId("first").hidden = total > 0;
}

function showAges({ ages, retentionDays }) {
  show("ages", ages, () => {
    const most = Math.max(1, ...ages.map(({ count }) => count));
    const label = ({ fromDays, toDays }) => (toDays === null ? `${fromDays} days or more` : fromDays === 0 ? "today" : `${fromDays} to ${toDays - 1} days`);
    const rows = ages.map((age) => {
      const bar = el("span", { className: age.stale ? "bar stale" : "bar", hidden: age.count === 0 });
      bar.style.width = `${(100 * age.count) / most}%`;
      return el("tr", {}, el("th", { scope: "row" }, label(age)), el("td", {}, bar), el("td", { className: "number" }, age.count.toLocaleString()));
    });
    const stale = ages.filter((age) => age.stale).reduce((sum, { count }) => sum + count, 0);
    return [
      el("p", { className: "soft" }, retentionDays === null ? "Identities by the age of their last token."
        : `Identities by the age of their last token. After ${retentionDays} days an identity is stale: ${stale.toLocaleString()} now.`),
      el("table", { className: "bars" }, el("caption", { className: "hidden" }, "Identities by the age of their last token"), el("tbody", {}, ...rows)),
    ];
  });
}

function showRuns(schedules) {
  const runs = schedules.flatMap(({ runs }) => runs).filter(({ result }) => typeof result?.stale === "number").slice(0, 8);
  show("runs", runs, () => table("Cleanup runs", ["Run", "Mode", "#Stale", "#Deleted", "Result"], runs.map(({ scheduledTime, status, result }) => [
    time(scheduledTime), result.mode, result.stale, result.deleted ?? el("span", { className: "soft" }, "none"),
    result.braked ? el("span", { className: "bad" }, "stopped by the brake") : el("span", { className: status === "succeeded" ? "good" : "bad" }, result.stopped ?? (result.mode === "plan" ? `would delete ${result.wouldDelete}` : status)),
  ]), "No run yet. The schedule DeleteStaleIdentities starts one."));
}

function showQueues(queues) {
  show("queues", queues, () => table("Queues", ["Queue", "#Waiting", "#In flight", "#Oldest", "#"], queues.map((queue) => {
    const sources = queue.isDeadLetterQueueOf;
    const dead = sources.length > 0 && queue.visible > 0;
    const name = [code(queue.name), sources.length > 0 ? el("div", { className: "soft" }, "dead letters") : null].filter(Boolean);
    const redrive = dead && sources.length === 1 && action(el("button", { id: `redrive-${queue.name}`, type: "button" }, "Redrive"), async () => {
      const { moved } = await json(`/_local/queues/${queue.name}/redrive`, { method: "POST" });
      announce(`Moved ${moved} ${moved === 1 ? "message" : "messages"} back to ${sources[0]}.`);
      await refresh();
    });
    const waiting = el("span", { className: dead ? "bad" : "" }, queue.visible + queue.delayed);
    const age = queue.oldestAgeSeconds === null ? "" : time(now() - queue.oldestAgeSeconds * 1000);
    return [name, waiting, queue.inFlight, age, redrive || ""];
  }), "The template has no queues."));
}

function showSchedules(schedules) {
  const rows = schedules.map(({ runs, ...rest }) => rest);
  show("schedules", rows, () => table("Schedules", ["Schedule", "Next run", "Last run", "#"], rows.map(({ name, expression, enabled, next, last }) => [
    [code(name), el("div", { className: "soft" }, expression)],
    enabled && next ? time(next) : el("span", { className: "soft" }, "off"),
    last ? [time(last.startedAt), " ", el("span", { className: last.status === "succeeded" ? "good" : "bad" }, last.status)] : el("span", { className: "soft" }, "not yet"),
    action(el("button", { id: `run-${name}`, type: "button", "aria-label": `Run ${name} now` }, "Run now"), async () => {
      const { status } = await json(`/_local/schedules/${name}/run`, { method: "POST" });
      announce(`${name}: ${status}.`, status !== "succeeded");
      await refresh();
    }),
  ]), "The template has no schedules."));
}

const OUTCOMES = {
  waiting: ["warn", "waiting"], done: ["good", "applied"], "dead-letter": ["bad", "dead letter"],
  expired: ["bad", "expired"], "no-rule": ["soft", "no rule matches"],
};

/** The first entries whose text has each word of the filter, and the text for an empty list. */
function filtered(name, text, most, empty) {
  const words = view[name].toLowerCase().split(/\s+/);
  const found = latest[name].filter((entry) => words.every((word) => text(entry).toLowerCase().includes(word)));
  return [found.slice(0, most), latest[name].length > 0 ? `No ${name.slice(0, -1)} matches.` : empty];
}

function showEvents() {
  const text = ({ type, source, user, outcome }) => [type, source, user, OUTCOMES[outcome][1]].join(" ");
  show("events", filtered("events", text, 7, "No events yet. The page Try it sends some."), ([events, empty]) => {
    if (events.length === 0) return el("p", { className: "empty" }, empty);
    return el("ol", { className: "list" }, ...events.map((event) => {
      const [style, text] = OUTCOMES[event.outcome];
      return el("li", {},
        el("div", { className: "line" }, el("strong", {}, event.type || "event"), time(event.at)),
        el("div", { className: "line" }, el("span", { className: "soft" }, event.source, event.user ? " · " : "", event.user ? code(shortId(event.user)) : ""),
          el("span", { className: style }, event.receives > 1 ? `${text}, ${event.receives} deliveries` : text)));
    }));
  });
}

/** An external id without its issuer. */
const shortId = (id) => (id.startsWith("http") ? id.slice(id.indexOf("|") + 1) : id);

function showRequests() {
  const text = ({ method, path, status }) => `${method} ${path} ${status}`;
  show("requests", filtered("requests", text, 15, "No requests yet."), ([requests, empty]) => table("Latest requests", ["When", "Request", "#Status", "#ms"], requests.map((request) => [
    time(request.at), code(`${request.method} ${request.path}`),
    el("span", { className: request.status < 400 ? "good" : "bad" }, request.status), request.ms,
  ]), empty));
}

async function showIdentities() {
  const query = new URLSearchParams({ search: view.search, state: view.state, offset: view.offset, limit: PAGE });
  const { total, identities } = await json(`/_local/identities?${query}`);
  if (identities.length === 0 && view.offset > 0) {
    view.offset = 0;
    return showIdentities();
  }
  show("identities", identities, () => table("Identities", ["User", "State", "Last token", "#Valid tokens", "ACS id"], identities.map((identity) => [
    el("span", { title: identity.externalId }, identity.user || identity.externalId),
    [el("span", { className: `state ${STATES[identity.state] ?? "soft"}` }, identity.state), identity.pending ? el("div", { className: "warn" }, "revocation pending") : ""],
    identity.lastIssuedAt ? time(identity.lastIssuedAt) : el("span", { className: "soft" }, "never"),
    identity.liveTokens,
    el("code", { title: identity.acsId ?? "" }, identity.acsId ? `…${identity.acsId.slice(-12)}` : ""),
  ]), view.search || view.state ? "No identity matches." : "No identities yet."));
  byId("pages").hidden = total <= PAGE;
  const last = view.offset + identities.length;
  byId("range").textContent = `${(view.offset + 1).toLocaleString()} to ${last.toLocaleString()} of ${total.toLocaleString()}`;
  byId("previous").disabled = view.offset === 0;
  byId("next").disabled = last >= total;
}

async function refresh() {
  await readClock();
  showClock();
  const paths = ["overview", "queues", "schedules", "events", "requests"];
  const [overview, { queues }, { schedules }, { events }, { requests }] = await Promise.all(paths.map((path) => json(`/_local/${path}`)));
  showFigures(overview, queues);
  showAges(overview);
  showRuns(schedules);
  showQueues(queues);
  showSchedules(schedules);
  Object.assign(latest, { events, requests });
  showEvents();
  showRequests();
  await showIdentities();
}

byId("search").addEventListener("submit", (event) => event.preventDefault());
for (const [id, name] of [["query", "search"], ["state", "state"]]) {
  byId(id).addEventListener("input", ({ target }) => {
    Object.assign(view, { [name]: target.value, offset: 0 });
    void showIdentities();
  });
}
for (const [id, name, showList] of [["event-filter", "events", showEvents], ["request-filter", "requests", showRequests]]) {
  byId(id).addEventListener("input", ({ target }) => {
    view[name] = target.value.trim();
    showList();
  });
}
action(byId("previous"), () => ((view.offset = Math.max(0, view.offset - PAGE)), showIdentities()));
action(byId("next"), () => ((view.offset += PAGE), showIdentities()));

await showStack();
await poll(refresh);
window.ready = true;
dispatchEvent(new Event("app-ready"));
