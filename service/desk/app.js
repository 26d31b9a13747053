// The desk: an article, its topics and why, corrected and saved. What is open is kept here; the rest only shows it.

import * as api from "./api.js";
import { fromFields, show } from "./article.js";
import { combobox } from "./combobox.js";
import { Decision } from "./decision.js";
import { age, count, find } from "./dom.js";
import { light } from "./evidence.js";
import { listenForArticles } from "./intake.js";
import { listen } from "./keys.js";
import { explain, row } from "./topics.js";
import { attempt, letSignIn, once, showEditor } from "./trouble.js";

const QUIET = 150; // milliseconds before "Reading …" shows: most answers are faster
const WARNINGS = {
  "short-text": "This text is very short: nothing is sure.",
  "unknown-words": "The model does not know many of these words: nothing is sure.",
  "not-explained": "This article is too long to explain: its topics come without words.",
};

const known = { topics: new Map(), calibration: {} }; // what the model knows
let current = null; // {article, queued, runs, answer, topics, decision, active, correction}
let saved = null; // the article before, for undo
let passed = ""; // the id of the article of the queue that was passed over

const say = (text) => (find("status").textContent = text);

function view(name) {
  for (const one of ["empty", "loading", "found"]) find(one).hidden = one !== name;
}

async function whileLoading(promise) {
  const timer = setTimeout(() => {
    find("panel").setAttribute("aria-busy", "true");
    view("loading");
    say("Reading …");
  }, QUIET);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    find("panel").removeAttribute("aria-busy");
    view(current ? "found" : "empty");
  }
}

// The model and today's work

async function start() {
  showEditor(await api.session());
  const [{ topics }, model] = await Promise.all([api.topics(), api.manifest()]);
  known.topics = new Map(topics.map((topic) => [topic.id, topic]));
  known.calibration = model.calibration ?? {};
  find("model").textContent = `${model.name}@${model.version}${age(model.trained)}`;
  await showCounts();
}

async function showCounts() {
  const { own, all, waiting } = await api.counts().catch(() => ({}));
  if (!all) return;
  const mine = find("editor").hidden ? all : own;
  find("today").textContent = `Today: ${count(mine.articles, "article")}, ${count(mine.corrections, "correction")}`;
  find("waiting").textContent = waiting ? `(${waiting.toLocaleString("en")})` : "";
}

// Opening an article

function write({ title = "", body = "" } = {}) {
  current = null;
  find("title").value = title;
  find("body").value = body;
  find("writing").hidden = false;
  find("reading").hidden = true;
  light([]);
  view("empty");
}

async function open(article, queued = false) {
  const answer = await whileLoading(api.tag(article));
  const topics = new Map([...answer.topics, ...(answer.below ?? [])].map((topic) => [topic.id, topic]));
  restore({ article, queued, answer, topics, decision: new Decision(answer.topics), active: answer.topics[0]?.id });
  const sure = answer.topics.filter((topic) => topic.band === "auto").length;
  const likely = answer.topics.length - sure;
  const parts = [sure && `${sure} sure`, likely && `${likely} likely`].filter(Boolean);
  say(parts.length ? `${count(answer.topics.length, "topic")}: ${parts.join(", ")}.` : "");
}

function restore(one) {
  current = one;
  const { title, body, body_html: html } = one.article;
  find("title").value = title ?? "";
  find("body").value = html ?? body ?? "";
  find("writing").hidden = true;
  find("reading").hidden = false;
  const asHtml = html == null && one.answer.warnings.includes("html-in-body");
  one.runs = show(asHtml ? { title, body_html: body } : one.article, find("text"));
  if (asHtml) for (const run of one.runs) run.field = run.field === "title" ? "title" : "body";
  const warnings = one.answer.warnings.map(inWords).filter(Boolean);
  find("warnings").textContent = warnings.join(" ");
  find("warnings").hidden = !warnings.length;
  find("others").hidden = !one.answer.below;
  find("others").open = false;
  view("found");
  render(one.active);
  if (!one.active) find("text").focus({ preventScroll: true });
}

function inWords(warning) {
  if (!warning.startsWith("language:")) return WARNINGS[warning];
  return `The model does not read this language (${warning.slice(10)}): nothing is sure.`;
}

/** Open the next article of the queue; one that is open and not saved is passed over until the queue is through. */
async function takeNext() {
  if (current?.queued) passed = current.article.id;
  let { article, waiting } = await whileLoading(api.next(passed));
  if (!article && passed) {
    passed = "";
    ({ article, waiting } = await whileLoading(api.next(passed)));
  }
  if (article) {
    const sent = Object.entries(article).filter(([, value]) => value !== null);
    await open(Object.fromEntries(sent), true);
    return;
  }
  write();
  say(`${waiting ? "Other editors have what waits" : "The queue is empty"}: paste an article, or drop a file.`);
  find("title").focus();
}

// Deciding

function toggle(id) {
  if (!current.decision.has(id)) return add(id);
  current.decision.toggle(id);
  say("");
  render(id);
}

function add(id) {
  current.decision.add(id);
  say(`${known.topics.get(id).name} added.`);
  render(id);
}

function acceptAll() {
  current.decision.acceptAll();
  say(`${count(current.decision.given.length, "topic")} accepted.`);
  render();
}

function undo() {
  if (current?.decision.steps.length) {
    current.decision.undo();
    render();
    say("Undone.");
  } else if (saved) {
    restore(saved);
    saved = null;
    showUndo();
    say("Opened again. It is saved as it was; saving again replaces that.");
  }
}

async function save() {
  const content = { article: current.article, model: current.answer.model, ...current.decision.verdict() };
  // The same correction keeps its id when it is sent again after an error: it is then kept once.
  const key = JSON.stringify(content);
  if (current.correction?.key !== key) current.correction = { key, id: api.newId() };
  await api.correct({ id: current.correction.id, ...content });
  current.queued = false;
  saved = current;
  await takeNext();
  say(current ? `Saved. ${find("status").textContent}` : "Saved. The queue is empty: paste the next article.");
  showUndo();
  showCounts();
}

// Showing what is decided

function render(focused = document.activeElement.closest(".topic")?.dataset.id) {
  const { answer, topics, decision } = current;
  const made = (topic) => row(topic, known.topics.get(topic.id)?.cutoffs, {
    chosen: decision.chosen.has(topic.id),
    added: decision.added.includes(topic.id),
  });
  const extra = decision.added.map((id) => topics.get(id) ?? unscored(known.topics.get(id)));
  find("given").replaceChildren(...[...answer.topics, ...extra].map(made));
  const below = (answer.below ?? []).filter((topic) => !decision.added.includes(topic.id));
  find("below").replaceChildren(...below.map(made));
  find("others-count").textContent = count(below.length, "topic");
  find("none").hidden = answer.topics.length + extra.length > 0;
  find("accept-all").disabled = decision.allAccepted;
  showUndo();
  if (focused) boxOf(focused)?.focus({ preventScroll: true });
  activate(current.active);
}

// A topic that was added to an article too long to explain: nothing is known of it.
const unscored = ({ id, name, codes }) => ({ id, name, qcodes: qcodes(codes), confidence: 0, band: null });
const qcodes = (codes) => codes.map((code) => code.qcode);

function showUndo() {
  find("undo").disabled = !current?.decision.steps.length && !saved;
}

const boxOf = (id) => find("found").querySelector(`li[data-id="${CSS.escape(id)}"] input`);

/** Show why a topic is given or not; `seek` brings its words into sight. */
async function activate(id, seek = false) {
  current.active = id;
  for (const item of find("found").querySelectorAll(".topic")) item.classList.toggle("active", item.dataset.id === id);
  find("why").hidden = !id;
  find("lit").textContent = id ? known.topics.get(id)?.name ?? id : "a topic";
  const one = current;
  const topic = one.topics.get(id);
  showWhy(topic, seek);
  if (!topic || topic.evidence || !one.answer.below) return;
  await attempt(async () => {
    const explained = await api.explain(one.article, id);
    one.topics.set(id, explained);
    if (current === one && one.active === id) showWhy(explained, seek);
  });
}

function showWhy(topic, seek) {
  const strongest = light(current.runs, topic?.evidence);
  if (!topic) return;
  const into = {
    heading: find("why-heading"),
    distance: find("distance"),
    for: find("words-for"),
    against: find("words-against"),
    sum: find("sum"),
  };
  explain(into, topic, known.topics.get(topic.id), known.calibration[topic.id]);
  if (!seek) return;
  boxOf(topic.id)?.closest("li").scrollIntoView({ block: "nearest" }); // what it says takes room from the list
  bringIntoSight(strongest);
}

/** Scroll the text where none of the strongest words is in sight. */
function bringIntoSight(strongest) {
  const text = find("text");
  const box = text.getBoundingClientRect();
  const places = strongest.slice(0, 20).map((range) => range.getBoundingClientRect().top);
  if (places.length && !places.some((top) => top >= box.top && top < box.bottom)) {
    text.scrollTop += Math.min(...places) - box.top - 40;
  }
}

// Hands: forms, buttons, dropping, keys

find("writing").addEventListener("submit", (event) => {
  event.preventDefault();
  once(() => open(fromFields(find("title").value, find("body").value)));
});
find("take-next").addEventListener("click", () => once(takeNext));
find("edit").addEventListener("click", edit);
find("accept-all").addEventListener("click", acceptAll);
find("undo").addEventListener("click", undo);
find("save").addEventListener("click", () => once(save));
find("show-keys").addEventListener("click", () => find("keys").showModal());

function edit() {
  write({ title: find("title").value, body: find("body").value });
  find("body").focus();
}

find("found").addEventListener("change", (event) => {
  const item = event.target.closest(".topic");
  if (item) toggle(item.dataset.id);
});
find("found").addEventListener("focusin", (event) => {
  const item = event.target.closest(".topic");
  if (item && item.dataset.id !== current.active) activate(item.dataset.id, true);
});
find("found").addEventListener("click", (event) => {
  const item = event.target.closest(".topic");
  if (item && event.target.type !== "checkbox") item.querySelector("input").focus({ preventScroll: true });
});

const addable = () => [...known.topics.values()].filter((topic) => current && !current.decision.chosen.has(topic.id));
const rank = (topic, text) => (topic.name.toLowerCase().startsWith(text) ? 0 : 1);

/** Tell whether a topic's name has a text, or its code, where the text looks like one. */
function matches(topic, text) {
  const codes = /[\d:]/.test(text) ? qcodes(topic.codes) : [];
  return [topic.id, topic.name, ...codes].some((one) => one.toLowerCase().includes(text));
}

combobox(
  find("add"),
  find("matches"),
  (text) => addable()
    .filter((topic) => matches(topic, text))
    .sort((one, other) => rank(one, text) - rank(other, text))
    .map(({ id, name, codes }) => ({ id, name, detail: qcodes(codes).join(" ") })),
  add,
);

async function take(read) {
  await attempt(async () => write(await read()));
  if (find("trouble").hidden) find("writing").requestSubmit();
}
listenForArticles(take, (pasted) => {
  write(pasted);
  find("body").focus();
});

function step(by) {
  const boxes = [...find("found").querySelectorAll("#given input, #others[open] input")];
  if (!current || !boxes.length) return false;
  const at = boxes.findIndex((box) => box.closest(".topic").dataset.id === current.active);
  boxes[Math.max(0, Math.min(boxes.length - 1, at + by))].focus();
  return true;
}

function pressed(id) {
  if (find(id).disabled || find(id).closest("[hidden]")) return false;
  find(id).click();
  return true;
}

const advance = () => pressed(current ? "save" : "find");

function openOthers() {
  if (!current) return false;
  find("others").open = true;
  find("below").querySelector("input")?.focus();
  return true;
}

function focusAdd() {
  if (!current) return false;
  find("add").focus();
  return true;
}

const scrolls = (event) => event.target.closest("#text") !== null;

listen(
  [
    { key: "ctrl+enter", label: "Ctrl ↵", says: "Find topics; then: save and next", run: advance },
    { key: "arrowdown", also: "j", label: "↓ J", says: "Next topic", run: (event) => !scrolls(event) && step(1) },
    { key: "arrowup", also: "k", label: "↑ K", says: "Topic before", run: (event) => !scrolls(event) && step(-1) },
    { key: " ", label: "Space", says: "Take the topic, or leave it", run: () => false },
    { key: "a", label: "A", says: "Accept all topics given", run: () => pressed("accept-all") },
    { key: "/", label: "/", says: "Add a topic by typing", run: focusAdd },
    { key: "w", label: "W", says: "Why not another topic", run: openOthers },
    { key: "u", also: "ctrl+z", label: "U", says: "Undo, also the last save", run: undo },
    { key: "e", label: "E", says: "Edit the article", run: () => pressed("edit") },
    { key: "n", label: "N", says: "Next of the queue; pass this one over", run: () => once(takeNext) },
    { key: "?", label: "?", says: "Show these keys", run: () => find("keys").showModal() },
  ],
  { list: find("keys-list"), dialog: find("keys"), letters: find("letters") },
);

letSignIn((session) => {
  showEditor(session);
  showCounts();
});
write();
say("");
attempt(start);
