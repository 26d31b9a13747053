// Drafts: work that is not saved, kept by this browser and offered again, whatever took its place.

import { fromFields } from "./article.js";
import { button, element, find } from "./dom.js";
import { list, text } from "./language.js";
import { Shelf } from "./shelf.js";
import { desk } from "./state.js";

const NAME = "tagdesk-drafts";
const MOST = 20;
const FEW = 2; // drafts that are offered until an editor asks for more
const PAUSE = 300; // milliseconds after a key press
const unnamed = new Shelf(localStorage, NAME, MOST); // what is written before somebody signs in
let shelf = unnamed;
let areAllShown = false;
let discarded = []; // titles of drafts that had to go, until an editor has seen them
let timer;
let reopen; // called with the draft that an editor wants back

/** Keep the drafts of this editor from those of others at the same browser; what was written before is theirs. */
export function openDrafts(editor) {
  const name = editor ? `${NAME}:${editor}` : NAME;
  if (shelf.name !== name) shelf = editor ? new Shelf(localStorage, name, MOST) : unnamed;
  if (shelf !== unnamed) for (const { id } of [...unnamed.items].reverse()) put(unnamed.take(id));
  showDrafts();
}

function put(draft) {
  const dropped = shelf.put(draft).map(({ article }) => titleOf(article));
  discarded.push(...dropped);
  if (dropped.length) showDrafts();
}

/** Keep what is open, if there is unsaved work in it; called after each change, so that nothing has to be rescued. */
export function keepDraft() {
  clearTimeout(timer);
  const draft = unsaved();
  if (draft) put(draft);
  else shelf.take(desk.work);
}

/** Keep an article that somebody pasted while another one is under review. */
export function keepAside(draft) {
  keepDraft(); // it is the newest, and not what has to go
  put(draft);
  showDrafts();
}

/** Forget the draft of what is saved; keep what is open by now. */
export function forgetDraft(id) {
  shelf.take(id);
  keepDraft();
  showDrafts();
}

/**
 * Make typing and leaving the page keep the draft, and the list of drafts work.
 * @param open called with a draft
 */
export function listenForDrafts(open) {
  find("writing").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(keepDraft, PAUSE);
  });
  addEventListener("pagehide", keepDraft);
  addEventListener("beforeunload", (event) => {
    keepDraft();
    if (!shelf.isStored) event.preventDefault(); // the browser asks before what it cannot keep is gone
  });
  reopen = open;
}

/** Offer the drafts but that of what is open, the newest first; say which ones had to go. */
export function showDrafts() {
  const others = shelf.items.filter(({ id }) => id !== desk.work);
  const offered = areAllShown ? others : others.slice(0, FEW);
  const rows = [...discarded.length ? [notice()] : [], ...offered.map(row), ...others.length > FEW ? [more(others)] : []];
  find("drafts").hidden = !rows.length;
  find("drafts").replaceChildren(...rows);
}

function notice() {
  const seen = () => {
    discarded = [];
    showDrafts();
  };
  const says = text("draft.dropped", { titles: list(discarded), count: discarded.length, most: MOST });
  return element("li", "dropped", element("bdi", "", says), button("quiet", text("close"), seen));
}

function more(others) {
  const says = areAllShown ? text("drafts.fewer") : text("drafts.more", { count: others.length - FEW });
  const made = button("quiet", says, () => {
    areAllShown = !areAllShown;
    showDrafts();
    find("drafts").querySelector("[aria-expanded]").focus();
  });
  made.ariaExpanded = String(areAllShown);
  return element("li", "", made);
}

function row(draft) {
  const title = titleOf(draft.article);
  const choice = (name, onClick) => {
    const made = button("quiet", text(`draft.${name}`), onClick);
    made.ariaLabel = text(`draft.${name}-label`, { title });
    return made;
  };
  const discard = () => {
    shelf.take(draft.id);
    showDrafts();
  };
  return element("li", "",
    element("span", "", text("draft.kept")),
    element("bdi", "", title),
    choice("open", () => reopen(draft)),
    choice("discard", discard));
}

/** Return an article's title, or its first words. */
export function titleOf({ title, body, body_html: html }) {
  const words = (title || body || html?.replace(/<[^>]*>/g, " ") || "").trim().replace(/\s+/g, " ");
  return words.length > 80 ? `${words.slice(0, 79)}…` : words || text("article.untitled");
}

function unsaved() {
  const { current, editing, work: id } = desk;
  if (current) return hasWork(current) ? draftOf(id, current) : null;
  const written = fromFields(find("title").value, find("body").value);
  if (editing) {
    const article = edited(editing, written);
    return hasWork(editing) || differs(written, editing) ? { ...draftOf(id, editing), article } : null;
  }
  const hasText = [written.title, written.body, written.body_html].some((part) => part?.trim());
  return hasText ? { id, article: written } : null;
}

const hasWork = ({ isExample, isUnsaved, decision }) => !isExample && (isUnsaved || decision.steps.length > 0);

/** Return what brings an article back as it is decided. */
export const draftOf = (id, { article, isQueued, decision }) => ({ id, article, isQueued, state: decision.state });

/** Return an article with its text replaced by what was written. */
export function edited({ article: { body, body_html: html, ...rest } }, written) {
  return { ...rest, ...written };
}

/** Tell whether the fields have another text than an article. */
export function differs(written, { article }) {
  const body = article.body_html ?? article.body;
  return written.title !== (article.title ?? "") || (written.body_html ?? written.body) !== body;
}
