// What is open, shown: its text, its topics with what is decided on each, and why one of them is given or not.

import * as api from "./api.js";
import { show } from "./article.js";
import { ACCEPTED, NOT_JUDGED, REJECTED } from "./decision.js";
import { element, find } from "./dom.js";
import { light } from "./evidence.js";
import { list, text } from "./language.js";
import { desk, known } from "./state.js";
import { codesOf, row } from "./topics.js";
import { attempt } from "./trouble.js";
import { explain } from "./why.js";

const QUIET = 150; // milliseconds before "Reading …" shows: most answers are faster
const NOT_SURE = ["short-text", "no-article", "unknown-words", "language"]; // warnings that are reasons to doubt every topic

/** Say something in the line that a screen reader reads out. */
export const say = (says) => (find("status").textContent = says);

/** Show one of the panel's states. */
export function view(name) {
  for (const state of ["empty", "loading", "found"]) find(state).hidden = state !== name;
  find("judging").hidden = name !== "found";
}

/** Wait for the service, and say so where it takes its time. */
export async function whileLoading(promise) {
  const timer = setTimeout(() => {
    find("panel").ariaBusy = "true";
    view("loading");
    say(text("status.reading"));
  }, QUIET);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    find("panel").ariaBusy = null;
    view(desk.current ? "found" : "empty");
  }
}

/** Show the fields to write an article in. */
export function showWriting({ title = "", body = "" } = {}) {
  find("title").value = title;
  find("body").value = body;
  find("writing").hidden = false;
  find("reading").hidden = true;
  light([]);
  view("empty");
}

/** Show the current article, and focus its active topic. */
export function showReading() {
  const { current } = desk;
  find("writing").hidden = true;
  find("reading").hidden = false;
  const { title, body, body_html: html } = current.article;
  const { warnings, below } = current.answer;
  const asHtml = html == null && warnings.includes("html-in-body");
  current.runs = show(asHtml ? { title, body_html: body } : current.article, find("text"));
  if (asHtml) for (const run of current.runs) run.field = run.field === "title" ? "title" : "body";
  find("warnings").textContent = doubts(warnings);
  find("warnings").hidden = !find("warnings").textContent;
  find("others").hidden = !below;
  find("others").open = false;
  view("found");
  render(current.active);
  if (!current.active) find("text").focus({ preventScroll: true });
}

function doubts(warnings) {
  const reasons = warnings.map((warning) => {
    const [kind, language] = warning.split(": ");
    return NOT_SURE.includes(kind) && text(`warning.${kind}`, { language });
  });
  const says = reasons.filter(Boolean);
  if (says.length) says.push(text("warning.so"));
  if (warnings.includes("not-explained")) says.push(text("warning.not-explained"));
  return says.join(" ");
}

/** Show what is decided, and focus a topic. */
export function render(focused) {
  const { answer, topics, decision } = desk.current;
  const { added } = decision;
  const made = (topic) => row(topic, known.topics.get(topic.id), {
    verdict: decision.of(topic.id),
    added: added.includes(topic.id),
  });
  const extra = added.map((id) => topics.get(id) ?? unscored(id));
  find("given").replaceChildren(...[...answer.topics, ...extra].map(made));
  const below = (answer.below ?? []).filter((topic) => !added.includes(topic.id));
  find("below").replaceChildren(...below.map(made));
  find("others-count").textContent = text("topics.count", { count: below.length });
  find("none").hidden = answer.topics.length + extra.length > 0;
  showWhole();
  if (focused) boxOf(focused)?.focus({ preventScroll: true });
  activate(desk.current.active);
}

// A topic that was added to an article too long to explain: how sure the model was is not known.
function unscored(id) {
  const entry = known.topics.get(id);
  return { id, name: entry?.name ?? id, qcodes: entry ? codesOf(entry) : [], confidence: null, band: null };
}

function showWhole() {
  const { decision, isExample } = desk.current;
  const { complete, missing } = decision.state;
  find("accept-all").disabled = decision.all(NOT_JUDGED).length === 0;
  find("nothing-else").ariaPressed = String(complete);
  find("nothing-else-text").textContent = text(decision.state.accepted.length ? "do.nothing-else" : "do.none-right");
  find("complete").hidden = !complete;
  find("example-note").hidden = !isExample;
  find("save-text").textContent = text(isExample ? "do.next" : "do.save");
  find("missing").hidden = !missing.length;
  find("missing").replaceChildren(element("span", "", text("missing.list")), ...missing.map(chip));
}

function chip(name) {
  const made = element("button", "chip", element("bdi", "", name), " ×");
  Object.assign(made, { type: "button", value: name, ariaLabel: text("missing.take-back", { name }) });
  return made;
}

/** Return how many topics have which verdict, in words. */
export function tally({ decision }) {
  const of = (verdict) => text(`tally.${verdict}`, { count: decision.all(verdict).length });
  return text("sentence", { says: list([ACCEPTED, REJECTED, NOT_JUDGED].map(of)) });
}

/** Return the box of a topic. */
export const boxOf = (id) => find("found").querySelector(`li[data-id="${CSS.escape(id)}"] .box`);

/** Show why a topic is given or not; `seek` brings its words into sight. */
export async function activate(id, seek = false) {
  const { current } = desk;
  current.active = id;
  for (const item of find("found").querySelectorAll(".topic")) item.classList.toggle("active", item.dataset.id === id);
  find("why").hidden = !id;
  find("lit").textContent = id ? known.topics.get(id)?.name ?? id : text("legend.topic");
  if (!id) return void light(current.runs);
  const topic = current.topics.get(id) ?? unscored(id);
  showWhy(topic, seek);
  if (topic.evidence || !current.answer.below) return;
  await attempt(async () => {
    const explained = await api.explain(current.article, id);
    current.topics.set(id, explained);
    if (desk.current === current && current.active === id) showWhy(explained, seek);
  });
}

function showWhy(topic, seek) {
  const { runs, answer, decision } = desk.current;
  const strongest = light(runs, topic.evidence);
  const into = {
    heading: find("why-heading"),
    about: find("about"),
    place: find("place"),
    distance: find("distance"),
    words: find("words"),
    for: find("words-for"),
    against: find("words-against"),
    sum: find("sum"),
  };
  const entry = known.topics.get(topic.id);
  const parentName = known.topics.get(entry?.parent)?.name;
  const isExplained = Boolean(answer.below) || Boolean(topic.evidence);
  const added = decision.added.includes(topic.id);
  explain(into, topic, entry && { ...entry, parentName }, known.calibration[topic.id], { added, isExplained });
  if (!seek) return;
  boxOf(topic.id)?.closest("li").scrollIntoView({ block: "nearest" }); // what it says takes room from the list
  bringIntoSight(strongest);
}

/** Scroll the text where none of the strongest words is in sight. */
function bringIntoSight(strongest) {
  const sheet = find("text");
  const box = sheet.getBoundingClientRect();
  const places = strongest.slice(0, 20).map((range) => range.getBoundingClientRect().top);
  if (places.length && !places.some((top) => top >= box.top && top < box.bottom)) {
    sheet.scrollTop += Math.min(...places) - box.top - 40;
  }
}
