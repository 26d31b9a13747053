// How an article comes under review: written, pasted, dropped, taken from the queue, found again. Nothing is lost by it.

import * as api from "./api.js";
import { fromFields } from "./article.js";
import { Decision } from "./decision.js";
import { find } from "./dom.js";
import { differs, draftOf, edited, keepAside, keepDraft, showDrafts } from "./drafts.js";
import { EXAMPLE } from "./example.js";
import { list, text } from "./language.js";
import { describe, know } from "./model.js";
import { say, showReading, showWriting, whileLoading } from "./showing.js";
import { desk } from "./state.js";

/** Return what tells whether the desk still shows what it shows now: an answer may come when an editor has gone on. */
function mark() {
  const { current, work } = desk;
  return () => desk.current === current && desk.work === work;
}

/**
 * Let the service read an article and open it; return whether it is open, which it is not where the editor has gone on.
 * @param article as the service takes it
 * @param from `{isQueued, isExample, isUnsaved, state, work}`: where it comes from, what was decided on it before, and
 *   under which id it is kept
 */
export async function open(article, { isQueued = false, isExample = false, isUnsaved = false, state, work } = {}) {
  const isSame = mark();
  const [answer, described] = await whileLoading(answered(article));
  if (!isSame()) return false;
  keepDraft();
  know(described);
  const topics = new Map([...answer.topics, ...(answer.below ?? [])].map((topic) => [topic.id, topic]));
  const decision = new Decision(answer.topics, state);
  const active = answer.topics[0]?.id;
  desk.current = { article, isQueued, isExample, isUnsaved, answer, topics, decision, active };
  desk.editing = null;
  desk.work = work ?? api.newId();
  showReading();
  keepDraft();
  showDrafts();
  const bands = ["auto", "suggest"].map((band) => [band, answer.topics.filter((topic) => topic.band === band).length]);
  const counts = bands.filter(([, count]) => count).map(([band, count]) => text(`found.${band}`, { count }));
  say(counts.length ? text("sentence", { says: list(counts) }) : "");
  return true;
}

/** Let the service read an article; return its answer, and what the desk does not know yet of the model that gave it. */
async function answered(article) {
  const answer = await api.tag(article);
  return [answer, await describe(answer.model)];
}

/** Open what is written in the fields, which wait for it. What was decided before its text was edited still stands. */
export async function openWritten() {
  const fields = [find("title"), find("body")];
  for (const field of fields) field.readOnly = true;
  try {
    return await openFields();
  } finally {
    for (const field of fields) field.readOnly = false;
  }
}

function openFields() {
  const written = fromFields(find("title").value, find("body").value);
  const { editing, work } = desk;
  if (!editing) return open(written, { isUnsaved: true, work });
  const { isQueued, decision } = editing;
  const isOther = differs(written, editing);
  const isUnsaved = editing.isUnsaved || decision.steps.length > 0 || isOther;
  const isExample = editing.isExample && !isOther;
  return open(edited(editing, written), { isQueued, isExample, isUnsaved, state: decision.state, work });
}

/** Show the fields, empty or with an article in them. */
export function write(article, work = api.newId()) {
  keepDraft();
  Object.assign(desk, { current: null, editing: null, work });
  find("trouble").hidden = true; // it was with what was open
  showWriting(article);
  keepDraft();
  showDrafts();
}

/** Edit the text of the article that is open. */
export function edit() {
  const { title, body, body_html: html } = desk.current.article;
  Object.assign(desk, { current: null, editing: desk.current });
  showWriting({ title, body: html ?? body });
  find("body").focus();
}

/** Go back from editing to the article as it was; another text is kept as a draft. */
export function stopEditing() {
  const { editing } = desk;
  const written = fromFields(find("title").value, find("body").value);
  Object.assign(desk, { current: editing, editing: null });
  if (differs(written, editing)) keepAside({ ...draftOf(api.newId(), editing), article: edited(editing, written) });
  showReading();
  keepDraft();
}

/** Take what was pasted beside the fields: to be looked at, or, while an article is under review, to be opened later. */
export function paste(article) {
  if (!desk.current) {
    write(article);
    find("body").focus();
    return;
  }
  keepAside({ id: api.newId(), article: fromFields(article.title, article.body) });
  say(text("status.pasted"));
}

/** Open a draft again. */
export async function openDraft({ id, article, isQueued, state }) {
  if (state) return open(article, { isQueued, isUnsaved: true, state, work: id });
  const { title, body, body_html: html } = article;
  return write({ title, body: html ?? body }, id);
}

/** Open the example, which is never saved. */
export const openExample = () => open(EXAMPLE, { isExample: true });

/** Return the id of the article of the queue that is open, or edited; "" where there is none. */
function queuedId() {
  const { isQueued, article } = desk.current ?? desk.editing ?? {};
  return isQueued ? article.id : "";
}

/** Open this very article of the queue; the one that is open is given back. */
export async function takeThis(id) {
  const isSame = mark();
  const before = queuedId();
  const { article } = await whileLoading(api.take(id, before === id ? "" : before));
  if (isSame()) await openQueued(article);
}

/** Open the next article of the queue; one that is open and not saved is passed over until the queue is through. */
export async function takeNext() {
  const isSame = mark();
  desk.passed = queuedId() || desk.passed;
  let { article, waiting } = await whileLoading(api.next(desk.passed));
  if (!article && desk.passed) {
    desk.passed = "";
    ({ article, waiting } = await whileLoading(api.next()));
  }
  if (!isSame()) return say("");
  if (article) return openQueued(article);
  write();
  say(text(waiting ? "queue.taken" : "queue.empty"));
  find("title").focus();
}

function openQueued(article) {
  const sent = Object.entries(article).filter(([, value]) => value !== null);
  return open(Object.fromEntries(sent), { isQueued: true });
}
