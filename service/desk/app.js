// The desk: an article, its topics and why, corrected and saved. Here hands are joined to what they do.

import { letAdd } from "./adding.js";
import * as api from "./api.js";
import { fromTransfer } from "./article.js";
import * as deciding from "./deciding.js";
import { find } from "./dom.js";
import { listenForDrafts, openDrafts } from "./drafts.js";
import { listenForArticles } from "./intake.js";
import { listen } from "./keys.js";
import { translate } from "./language.js";
import { describe, know } from "./model.js";
import * as opening from "./opening.js";
import { showCounts, showQueue } from "./queue.js";
import { activate, boxOf, say } from "./showing.js";
import { desk } from "./state.js";
import { attempt, letSignIn, once, showEditor } from "./trouble.js";

let loading = null; // whoever signs in and whoever waited for it ask for the same

const start = () => (loading ??= load().finally(() => (loading = null)));

async function load() {
  welcome(await api.session());
  const { models } = await api.languages();
  know(await describe(models[0].model));
  await showCounts();
}

function welcome(session) {
  showEditor(session);
  openDrafts(session.editor);
}

const save = () => once(async () => {
  await deciding.save();
  showCounts();
});
const undo = () => once(deciding.undo);
const takeNext = () => once(async () => {
  await opening.takeNext();
  showCounts();
});

// Forms and buttons

find("writing").addEventListener("submit", (event) => {
  event.preventDefault();
  once(opening.openWritten);
});
const clicks = {
  "take-next": takeNext,
  example: () => once(opening.openExample),
  new: startAnew,
  edit: opening.edit,
  "accept-all": deciding.acceptAll,
  "nothing-else": deciding.toggleComplete,
  "take-complete-back": deciding.toggleComplete,
  undo,
  save,
  "show-keys": () => find("keys").showModal(),
  "show-queue": showQueue,
  "queue-next": () => {
    find("queue").close();
    takeNext();
  },
};
for (const [id, run] of Object.entries(clicks)) find(id).addEventListener("click", run);

function startAnew() {
  opening.write();
  say("");
  find("title").focus();
}

find("missing").addEventListener("click", (event) => {
  const chip = event.target.closest(".chip");
  if (chip) deciding.removeMissing(chip.value);
});

const topicAt = (event) => event.target.closest(".topic");

find("found").addEventListener("focusin", (event) => {
  const item = topicAt(event);
  if (item?.dataset.id === desk.current.active) return;
  say(""); // what the line says is of the step before
  if (item) activate(item.dataset.id, true);
});
find("found").addEventListener("click", (event) => {
  const item = topicAt(event);
  if (!item) return;
  if (event.target.closest(".box")) deciding.cycle(item.dataset.id);
  else boxOf(item.dataset.id).focus({ preventScroll: true });
});

// Topics that are added; articles that are dropped, chosen or pasted; drafts

async function take(transfer) {
  const article = await attempt(() => fromTransfer(transfer)); // what was dropped is there no longer when it is tried again
  if (!article) return;
  opening.write(article);
  once(opening.openWritten);
}

letAdd();
listenForArticles(take, opening.paste);
listenForDrafts((draft) => once(() => opening.openDraft(draft)));

// Keys

function step(by) {
  const boxes = [...find("found").querySelectorAll("#given .box, #others[open] .box")];
  if (!desk.current || !boxes.length) return false;
  const at = boxes.findIndex((box) => box.closest(".topic").dataset.id === desk.current.active);
  boxes[Math.max(0, Math.min(boxes.length - 1, at + by))].focus();
  return true;
}

function pressed(id) {
  if (find(id).disabled || find(id).closest("[hidden]")) return false;
  find(id).click();
  return true;
}

function openOthers() {
  if (!desk.current) return false;
  find("others").open = true;
  find("below").querySelector(".box")?.focus();
  return true;
}

function focusAdd() {
  if (!desk.current) return false;
  find("add").focus();
  return true;
}

/** Leave a field; from editing go back to the article. */
function leave(event) {
  if (desk.editing) opening.stopEditing();
  else event.target.blur();
}

const scrolls = (event) => event.target.closest("#text, #why") !== null;

listen(
  [
    { key: "ctrl+enter", label: "Ctrl ↵", says: "advance", run: () => pressed(desk.current ? "save" : "find") },
    { key: "arrowdown", also: "j", label: "↓ J", says: "next-topic", run: (event) => !scrolls(event) && step(1) },
    { key: "arrowup", also: "k", label: "↑ K", says: "previous-topic", run: (event) => !scrolls(event) && step(-1) },
    { key: " ", label: "Space", says: "cycle", run: () => false }, // the box that has the focus does it
    { key: "a", label: "A", says: "accept-all", run: () => pressed("accept-all") },
    { key: "x", label: "X", says: "nothing-else", run: () => pressed("nothing-else") },
    { key: "/", label: "/", says: "add", run: focusAdd },
    { key: "w", label: "W", says: "why-not", run: openOthers },
    { key: "u", also: "ctrl+z", label: "U", says: "undo", run: undo },
    { key: "e", label: "E", says: "edit", run: () => pressed("edit") },
    { key: "escape", label: "Esc", says: "leave", run: leave },
    { key: "n", label: "N", says: "next", run: takeNext },
    { key: "q", label: "Q", says: "queue", run: () => pressed("show-queue") },
    { key: "?", label: "?", says: "keys", run: () => find("keys").showModal() },
  ],
  { list: find("keys-list"), dialog: find("keys"), letters: find("letters") },
);

translate();
letSignIn((session) => {
  welcome(session);
  attempt(start);
});
opening.write();
say("");
attempt(start);
