// What an editor decides on the open article: judged, taken back, saved.

import * as api from "./api.js";
import { find } from "./dom.js";
import { draftOf, forgetDraft, keepDraft } from "./drafts.js";
import { text } from "./language.js";
import { open, takeNext } from "./opening.js";
import { render, say, tally } from "./showing.js";
import { Shelf } from "./shelf.js";
import { desk, known } from "./state.js";

// Articles saved in this window, for undo.
const saved = new Shelf(sessionStorage, "tagdesk-saved", 10);

/** Keep and show what was decided just now; the focus is on the topic that it was about, or is asked about. */
function decided(says, focused = desk.current.active) {
  keepDraft();
  render(focused);
  showUndo();
  say(says);
}

/** Go on to the next verdict on a topic: not judged, accepted, rejected. One that is not given is added. */
export function cycle(id) {
  const { decision } = desk.current;
  decision.cycle(id);
  const isOutOfSight = !decision.has(id) && !find("others").open;
  decided(tally(desk.current), isOutOfSight ? [...decision.given, ...decision.added].at(-1) : id);
}

/** Accept a topic, whether or not the model gave it. */
export function add(id) {
  const { decision } = desk.current;
  decision.add(id);
  const isGiven = decision.given.includes(id);
  decided(isGiven ? tally(desk.current) : text("status.added", { topic: known.topics.get(id).name }), id);
}

/** Accept every topic that is not judged. */
export function acceptAll() {
  desk.current.decision.acceptAll();
  decided(tally(desk.current));
}

/** Say that nothing but what is accepted is right, or take that back. */
export function toggleComplete() {
  desk.current.decision.toggleComplete();
  decided(tally(desk.current));
}

/** Note a topic as missing that the model does not know. */
export function addMissing(name) {
  desk.current.decision.addMissing(name);
  decided(text("status.missing", { name }));
}

/** Take back that a topic is missing. */
export function removeMissing(name) {
  desk.current.decision.removeMissing(name);
  decided(text("status.undone"));
}

/** Take the last step back; where there is none, open what was saved last. */
export async function undo() {
  if (desk.current?.decision.steps.length) {
    desk.current.decision.undo();
    return decided(text("status.undone"));
  }
  const [last] = saved.items;
  if (!last) return undefined;
  if (!(await open(last.article, { state: last.state }))) return undefined;
  saved.take(last.id);
  showUndo();
  return say(text("status.opened-again"));
}

/** Let undo be pressed where there is something to take back. */
export function showUndo() {
  find("undo").disabled = !desk.current?.decision.steps.length && !saved.items.length;
}

/** Save what is decided and open the next article of the queue. */
export async function save() {
  const { current } = desk;
  if (!current) return;
  const says = text(current.isExample ? "saved.example" : current.decision.isEmpty ? "saved.nothing" : "saved");
  const isAll = current.isExample || (await send(current));
  if (!isAll) say(text("saved.before"));
  else if (desk.current !== current) say(says); // another article was begun while this one was being saved
  else {
    await takeNext();
    say(`${says} ${find("status").textContent}`);
  }
  showUndo();
}

/** Send what is decided; return whether that is all: the editor may have judged on before the answer came. */
async function send(current) {
  const { article, answer, decision } = current;
  const { state } = decision;
  const { work } = desk;
  const content = { article, model: answer.model, ...decision.verdict() };
  // The same correction keeps its id when it is sent again after an error: it is then kept once.
  const key = JSON.stringify(content);
  if (current.correction?.key !== key) current.correction = { key, id: api.newId() };
  await api.correct({ id: current.correction.id, ...content });
  const isAll = decision.state === state;
  Object.assign(current, { isQueued: false, isUnsaved: !isAll });
  saved.put({ ...draftOf(work, current), state });
  if (!isAll) return false;
  decision.steps = [];
  forgetDraft(work);
  return true;
}
