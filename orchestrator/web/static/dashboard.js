// Keeps a page true: the server says that something changed, the page asks for itself once more and takes over what is
// different. Everything works without this script, too; then one loads the page again.
"use strict";

const main = document.querySelector("main[data-self]");
const line = document.getElementById("line");
// Milliseconds until a page that cannot be told what happens asks for itself.
const PAUSE = 5000;
let source = null;
let asked = null;
let waiting = 0;
let trouble = null;

// ── what time it is ───────────────────────────────────────────────────────────────────────────────────────────────

function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(Math.floor(seconds % 60))}s`;
  return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
}

// The browser may run on another machine, whose clock says something else: what counts is that of the server.
let behind = 0;

function setClock() {
  behind = Number(main.dataset.now || 0) - Date.now() / 1000;
}

function tick() {
  const now = Date.now() / 1000 + behind;
  for (const clock of main.querySelectorAll("[data-since]")) {
    const text = duration(Math.max(now - Number(clock.dataset.since), 0));
    if (clock.textContent !== text) clock.textContent = text;
  }
}

// ── taking over what is different ─────────────────────────────────────────────────────────────────────────────────
// Elements stay where they are as long as they can, so focus, selections, what was typed and what was opened stay, too.

// What belongs to whoever looks at the page.
const THEIRS = new Set(["open", "selected", "inert"]);

function morph(before, after) {
  if (before.isEqualNode(after)) return;
  if (before.nodeType !== Node.ELEMENT_NODE) {
    if (before.data !== after.data) before.data = after.data;
    return;
  }
  for (const { name } of [...before.attributes]) {
    if (!after.hasAttribute(name) && !THEIRS.has(name)) before.removeAttribute(name);
  }
  for (const { name, value } of after.attributes) {
    if (before.getAttribute(name) !== value && !THEIRS.has(name)) before.setAttribute(name, value);
  }
  morphChildren(before, after);
}

function morphChildren(before, after) {
  const known = new Map([...before.children].filter((each) => each.id).map((each) => [each.id, each]));
  const wanted = new Set([...after.children].map((each) => each.id).filter(Boolean));
  let place = before.firstChild;
  const isGone = (node) => node.id && !wanted.has(node.id);
  for (const node of [...after.childNodes]) {
    while (place && isGone(place)) place = removed(place);
    const same = node.id ? known.get(node.id) : alike(place, node);
    if (!same) {
      before.insertBefore(node, place);
      continue;
    }
    if (node.id && same !== place) before.insertBefore(same, place);
    else while (place !== same) place = removed(place);
    if (same === place) place = place.nextSibling;
    morph(same, node);
  }
  while (place) place = removed(place);
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

// The next one of the same kind that nobody knows by name; those by name in between stay where they are.
function alike(place, node) {
  while (place && !place.id && (place.nodeType !== node.nodeType || place.nodeName !== node.nodeName)) {
    place = place.nextSibling;
  }
  return place && !place.id ? place : null;
}

// ── hearing and asking ────────────────────────────────────────────────────────────────────────────────────────────

function say(text) {
  if (!line) return;
  line.textContent = text;
  line.hidden = !text;
}

async function refresh() {
  asked?.abort();
  asked = new AbortController();
  try {
    const headers = { "X-Part": "main" };
    const answer = await fetch(main.dataset.self, { headers, signal: asked.signal, redirect: "error" });
    if (answer.status === 403) return closed();
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = part.querySelector("main[data-self]");
    if (!fresh) throw new Error(`not a page: ${answer.status}`);
    take(fresh);
    say("");
  } catch (error) {
    if (error.name === "AbortError") return;
    say("not connected");
    later();
  }
}

function take(fresh) {
  trouble?.remove();
  // What keeps a page from being drawn may be over in a moment: the page stays, with all that is typed there.
  trouble = troubleOf(main) ? null : troubleOf(fresh);
  if (trouble) return main.before(trouble);
  const logs = [...main.querySelectorAll("[data-end]")].filter(isAtEnd);
  morph(main, fresh);
  document.title = main.dataset.title;
  setClock();
  tick();
  logs.forEach(toEnd);
}

function troubleOf(page) {
  return page.querySelector(":scope > .trouble");
}

function closed() {
  leave();
  say("the dashboard was ended or started anew; use the address it printed");
}

// A browser has six connections to us, for all its windows together: some have to be left for pages and buttons.
const MOST = 4;
const LISTENING = "orchestrator: a page listens";
let release = () => {};

async function isRoom() {
  const locks = await navigator.locks?.query();
  return !locks || locks.held.filter(({ name }) => name === LISTENING).length < MOST;
}

// It is given a moment later, when we may have left again.
function takeSeat(listening) {
  const held = () => listening === source && new Promise((resolve) => (release = resolve));
  navigator.locks?.request(LISTENING, { mode: "shared" }, held);
}

function leave() {
  clearTimeout(waiting);
  release();
  source?.close();
  source = null;
}

function later() {
  leave();
  waiting = setTimeout(listen, PAUSE);
}

async function listen() {
  if (!main.dataset.events) return;
  clearTimeout(waiting);
  const isTaken = !(await isRoom());
  if (source || document.hidden) return;
  if (isTaken) {
    later();
    return refresh();
  }
  source = new EventSource(`${main.dataset.events}?seen=${encodeURIComponent(main.dataset.version)}`);
  takeSeat(source);
  source.addEventListener("open", () => (trouble ? refresh() : say("")));
  source.addEventListener("changed", refresh);
  // It says nothing of why, so the page asks for itself: the answer to that does.
  source.addEventListener("error", () => {
    later();
    refresh();
  });
}

// A page that nobody sees hears nothing.
document.addEventListener("visibilitychange", () => (document.hidden ? leave() : listen()));
window.addEventListener("pagehide", leave);
window.addEventListener("pageshow", listen);

function isAtEnd(log) {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}

function toEnd(log) {
  log.scrollTop = log.scrollHeight;
}

// ── what somebody types and presses ───────────────────────────────────────────────────────────────────────────────

// What a form that was refused brings back was typed by somebody. Said to a field, it counts as typed again, and does
// not go when a form without it is taken over.
function keepTyped() {
  for (const field of main.querySelectorAll("textarea, input:not([type=hidden])")) field.value = field.value;
}

// Until the answer is there, a form that was sent takes no second click.
document.addEventListener("submit", ({ target }) => {
  if (target.method === "post") target.inert = true;
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) form.inert = false;
});

if (main) {
  keepTyped();
  main.querySelectorAll("[data-end]").forEach(toEnd);
  setClock();
  tick();
  setInterval(tick, 1000);
  listen();
}
