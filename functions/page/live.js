// Keeps the page current: asks for the part that changes and takes over only what is different, so that what is
// open, focused, selected or scrolled to stays so. Without this script the page works as it was loaded.

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 15_000;
const ANSWER_MS = 20_000;
const AGES_MS = 5_000;

const byId = (id) => document.getElementById(id);
const live = byId("live");
const pulse = byId("pulse");
const pauseButton = byId("pause");
const form = byId("search");
const field = byId("q");
const attention = form.elements.namedItem("show");

let revision = "";
let pauseMs = FIRST_PAUSE_MS;
let timer;
let paused = false;
let asking = false;
/** How far this clock is before the server's, ms. */
let aheadMs = live.dataset.at ? Date.now() - Date.parse(live.dataset.at) : 0;

// Ages: in words as the server writes them.

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
];

function duration(ms) {
  const [name, size] = units.find(([, least]) => ms >= least) ?? ["s", 1_000];
  return `${Math.max(0, Math.floor(ms / size))} ${name}`;
}

function tellAges(part = live) {
  const now = Date.now() - aheadMs;
  for (const time of part.querySelectorAll("time")) {
    // Nobody sees what is closed again.
    if (time.closest("details:not([open]) > .inside")) continue;
    const text = duration(now - Date.parse(time.dateTime));
    setText(time, text);
    if (time.title === "") time.title = new Date(time.dateTime).toLocaleString();
  }
}

// What is behind a closed network comes as a text, in `noscript`, and becomes elements when somebody wants to see it.

const undrawn = (network) => network.querySelector(":scope > noscript");

function draw(network) {
  const text = undrawn(network);
  if (text) text.outerHTML = text.textContent;
}

function opened(network) {
  draw(network);
  tellAges(network);
}

// Search: all words must stand in what is marked with data-find, as on the server.

const texts = new WeakMap();

function textOf(network) {
  const known = texts.get(network);
  if (known?.revision === network.dataset.revision) return known.text;
  const inside = document.createElement("template");
  inside.innerHTML = undrawn(network)?.textContent ?? "";
  const found = [network, inside.content].flatMap((part) =>
    Array.from(part.querySelectorAll("[data-find]"), ({ textContent }) => textContent),
  );
  const text = [network.dataset.key, ...found].join("\n").toLowerCase();
  texts.set(network, { revision: network.dataset.revision, text });
  return text;
}

function isFound(network, words) {
  if (attention.checked && network.dataset.level !== "help") return false;
  return words.every((word) => textOf(network).includes(word));
}

function filter() {
  const words = field.value.toLowerCase().match(/\S+/gu) ?? [];
  let shown = 0;
  let all = 0;
  for (const section of live.querySelectorAll('[data-key^="namespace "]')) {
    const networks = [...section.querySelectorAll(".network")];
    for (const network of networks) network.hidden = !isFound(network, words);
    const found = networks.filter(({ hidden }) => !hidden).length;
    section.hidden = found === 0;
    all += networks.length;
    shown += found;
  }
  const line = byId("shown");
  if (!line) return;
  const networks = `${all} ${all === 1 ? "network" : "networks"}`;
  setText(line, shown === all ? networks : `${shown} of ${networks}`);
  byId("nothing").hidden = shown > 0 || all === 0;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const say = (text) => setText(byId("said"), text);

function search() {
  filter();
  const query = new URLSearchParams();
  if (field.value.trim() !== "") query.set("q", field.value);
  if (attention.checked) query.set("show", attention.value);
  history.replaceState(null, "", query.size > 0 ? `?${query}` : location.pathname);
  say(byId("shown")?.textContent ?? "");
}

// Taking over what is different.

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? (node.dataset?.key ?? node.id) : "");
const isSame = (here, there) =>
  here.nodeType === there.nodeType && here.nodeName === there.nodeName && keyOf(here) === keyOf(there);

const own = new Set(["open", "hidden", "title"]);

/** `open` and `hidden` belong to whoever looks at the page; titles are the script's own. */
function takeAttributes(here, there) {
  for (const name of here.getAttributeNames()) {
    if (!own.has(name) && !there.hasAttribute(name)) here.removeAttribute(name);
  }
  for (const { name, value } of there.attributes) {
    if (own.has(name) || here.getAttribute(name) === value) continue;
    here.setAttribute(name, value);
    // It was another time; tellAges sets it anew.
    if (name === "datetime") here.removeAttribute("title");
  }
}

function take(here, there) {
  if (here.nodeType !== Node.ELEMENT_NODE) {
    if (here.nodeValue !== there.nodeValue) here.nodeValue = there.nodeValue;
    return;
  }
  const unchanged = there.dataset?.revision && here.dataset.revision === there.dataset.revision;
  takeAttributes(here, there);
  if (unchanged) return;
  if (here.localName === "details" && !undrawn(here)) draw(there);
  takeChildren(here, there);
}

function takeChildren(here, there) {
  const known = keep(here, new Set([...there.childNodes].map(keyOf)));
  let at = here.firstChild;
  // A copy, for what is new moves over.
  for (const child of Array.from(there.childNodes)) {
    const match = [known.get(keyOf(child)), at].find((each) => each && isSame(each, child));
    if (match === undefined) {
      here.insertBefore(child, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else here.insertBefore(match, at);
    take(match, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** Removes what is gone, so that the others keep their places, and with them the focus. The rest by key. */
function keep(here, wanted) {
  const known = new Map();
  for (const child of Array.from(here.childNodes)) {
    const key = keyOf(child);
    if (key === "") continue;
    if (wanted.has(key)) known.set(key, child);
    else child.remove();
  }
  return known;
}

// Asking.

/** Undefined: nothing has changed. */
async function ask() {
  const answer = await fetch("/page/live", {
    cache: "no-store",
    headers: revision ? { "if-none-match": `"${revision}"` } : {},
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (answer.status === 304) return undefined;
  if (!answer.ok) throw new Error(`klight answered ${answer.status}`);
  // Not a parser of another document: only in one that runs scripts `noscript` stays a text.
  const box = document.createElement("div");
  box.innerHTML = await answer.text();
  const there = box.querySelector("#live");
  if (!there) throw new Error("the answer is not this page");
  return { there, revision: (answer.headers.get("etag") ?? "").replaceAll('"', "") };
}

const newest = () => live.dataset.newest ?? "";

function takeOver(answer) {
  const isFirst = revision === "";
  const before = newest();
  revision = answer.revision;
  aheadMs = Date.now() - Date.parse(answer.there.dataset.at);
  take(live, answer.there);
  filter();
  if (!isFirst && newest() !== before) say(newest());
}

async function refresh() {
  clearTimeout(timer);
  if (paused || document.hidden || asking) return;
  asking = true;
  try {
    // Each question costs reads of the store: a page on which nothing happens asks less and less.
    const answer = await ask();
    if (answer) takeOver(answer);
    pauseMs = answer ? FIRST_PAUSE_MS : Math.min(1.5 * pauseMs, LONGEST_PAUSE_MS);
    document.body.classList.remove("lost");
    document.title = live.dataset.title ?? document.title;
    setText(pulse, "live");
  } catch (error) {
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    // What was well is not known to be so any more.
    document.body.classList.add("lost");
    document.title = "Not current · klight";
    setText(pulse, `not current: ${error.message}`);
  } finally {
    asking = false;
  }
  tellAges();
  timer = setTimeout(refresh, pauseMs);
}

function wake() {
  pauseMs = FIRST_PAUSE_MS;
  void refresh();
}

pauseButton.hidden = false;
pauseButton.addEventListener("click", () => {
  paused = !paused;
  setText(pauseButton, paused ? "Go on" : "Pause");
  if (!paused) return wake();
  clearTimeout(timer);
  setText(pulse, `as it was at ${new Date(Date.now() - aheadMs).toLocaleTimeString()}`);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
field.addEventListener("input", search);
attention.addEventListener("change", search);
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement && event.target.type !== "checkbox";
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  field.focus();
});
// A link to a network opens it.
const openTarget = () => {
  const target = byId(decodeURIComponent(location.hash.slice(1)));
  if (target?.localName !== "details") return;
  opened(target);
  target.open = true;
};
addEventListener("hashchange", openTarget);
openTarget();
// A click comes before its network opens, by mouse and by keyboard; whatever else opens one is seen afterwards.
live.addEventListener("click", ({ target }) => {
  const network = target.closest("summary")?.parentElement;
  if (network) draw(network);
});
live.addEventListener("toggle", ({ target }) => opened(target), true);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) wake();
});
setInterval(tellAges, AGES_MS);
// A page that was loaded with a search shows a part of the networks only; the script filters by itself.
if (location.search === "") {
  revision = document.body.dataset.revision ?? "";
  timer = setTimeout(refresh, FIRST_PAUSE_MS);
} else wake();
