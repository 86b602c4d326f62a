// What both pages share: elements, times, requests to the console, and buttons that copy.

/** A new element. `attributes` are properties, or attributes if their names have a dash. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.includes("-") || key === "role" || key === "for") node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** JSON of the console. An error has the message of the service. */
export async function json(path, options) {
  const response = await fetch(path, options);
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.message ?? body.error_description ?? `${path} answered ${response.status}`);
  return body;
}

/** The offset of the stack's clock to that of this machine, in milliseconds. */
let offset = 0;

export const now = () => Date.now() + offset;

/** Reads the stack's clock. Returns whether it was moved since the last call. */
export async function readClock() {
  const before = offset;
  const { offsetSeconds } = await json("/_local/clock");
  offset = offsetSeconds * 1000;
  return before !== offset;
}

const UNITS = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000]];

/** A duration in its two largest units: `5 h 58 min`. */
export function duration(milliseconds) {
  const first = UNITS.findIndex(([, length]) => milliseconds >= length);
  if (first < 0) return "0 s";
  const [unit, length] = UNITS[first];
  const text = `${Math.floor(milliseconds / length)} ${unit}`;
  const next = UNITS[first + 1];
  const rest = next ? Math.floor((milliseconds % length) / next[1]) : 0;
  return rest > 0 ? `${text} ${rest} ${next[0]}` : text;
}

/** A distance in its largest unit: `5 h ago`, `in 2 min`. */
function relative(at) {
  const distance = at - now();
  if (Math.abs(distance) < 5000) return "just now";
  const [unit, length] = UNITS.find(([, one]) => Math.abs(distance) >= one) ?? UNITS[3];
  const text = `${Math.floor(Math.abs(distance) / length)} ${unit}`;
  return distance < 0 ? `${text} ago` : `in ${text}`;
}

const FULL = { dateStyle: "medium", timeStyle: "medium" };

export const absolute = (at) => new Date(at).toLocaleString(undefined, FULL);

/** A time, relative with the absolute one on hover. It stays relative to now. */
export function time(at) {
  if (!at) return el("span", { className: "soft" }, "never");
  const milliseconds = typeof at === "number" ? at : Date.parse(at);
  const node = el("time", { dateTime: new Date(milliseconds).toISOString(), title: absolute(milliseconds) }, relative(milliseconds));
  node.dataset.at = milliseconds;
  return node;
}

function refreshTimes() {
  for (const node of document.querySelectorAll("time[data-at]")) {
    const text = relative(Number(node.dataset.at));
    if (node.textContent !== text) node.textContent = text;
  }
}
setInterval(refreshTimes, 1000);

const shown = new Map();

/** Shows `build(data)` in an element, if the data has changed. The focus stays on the element with the same `id`. */
export function show(id, data, build) {
  const text = JSON.stringify(data);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  const focused = document.activeElement?.id;
  byId(id).replaceChildren(...[build(data)].flat());
  if (focused && document.activeElement?.id !== focused) byId(focused)?.focus();
}

/** A table with a caption for screen readers. A heading that begins with `#` is one of numbers. */
export function table(caption, headings, rows, empty) {
  if (rows.length === 0) return el("p", { className: "empty" }, empty);
  const numeric = headings.map((heading) => heading.startsWith("#"));
  const cell = (content, index) => el("td", { className: numeric[index] ? "number" : "" }, ...[content].flat());
  return el("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    el("table", {},
      el("caption", { className: "hidden" }, caption),
      el("thead", {}, el("tr", {}, ...headings.map((heading, index) =>
        el("th", { scope: "col", className: numeric[index] ? "number" : "" }, heading.replace("#", "") || el("span", { className: "hidden" }, "Actions"))))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell))))));
}

/** Tells screen readers and the eye what happened. */
export function announce(text, isProblem = false) {
  const place = byId("announcement");
  place.className = isProblem ? "bad" : "";
  place.textContent = text;
}

/** A button that runs something once at a time. */
export function action(button, run) {
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      await run();
    } catch (error) {
      announce(error.message, true);
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  return button;
}

/** A button that copies the text of an element. */
export function copyButton(text, what) {
  const button = el("button", { type: "button", className: "copy", "aria-label": `Copy ${what}` }, "Copy");
  return action(button, async () => {
    await navigator.clipboard.writeText(text());
    announce(`Copied ${what}.`);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}

/** Runs something now and every two seconds, while the page is visible. */
export function poll(run) {
  const step = async () => {
    try {
      if (document.visibilityState === "visible") await run();
      byId("offline").hidden = true;
    } catch {
      byId("offline").hidden = false;
    } finally {
      setTimeout(step, 2000);
    }
  };
  return step();
}

/** Shows whether the stack's clock was moved. */
export function showClock() {
  const ahead = Math.abs(offset) >= 1000;
  byId("ahead").hidden = !ahead;
  if (ahead) byId("ahead").replaceChildren(`Clock moved by ${duration(Math.abs(offset))}: it is ${absolute(now())} here`);
}

/** Quotes text for a shell. */
export const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
