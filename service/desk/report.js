// What the desk's reports share: who reads, which model answers, and a table with plots in its rows.

import * as api from "./api.js";
import { element, find } from "./dom.js";
import { text, translate } from "./language.js";
import { showModel } from "./model.js";
import { attempt, letSignIn, showEditor } from "./trouble.js";

const KINDS = { "#": "number", "±": "sides" };

/**
 * Show the head of the page and what `show` makes; again after signing in. Return what shows it again.
 * @param show called with `{name, nameOf, session}`: the model's name, topic id → name, who is signed in
 */
export function begin(show) {
  translate();
  letSignIn(showEditor);
  const refresh = () => attempt(() => fill(show));
  refresh();
  return refresh;
}

async function fill(show) {
  find("status").textContent = text("status.reading");
  const session = await api.session();
  showEditor(session);
  const { models } = await api.languages();
  const name = new URLSearchParams(location.search).get("model") ?? models[0].name;
  const [{ topics }, manifest] = await Promise.all([api.topics(name), api.manifest(name)]);
  showModel(manifest);
  const names = new Map(topics.map((topic) => [topic.id, topic.name]));
  const sections = await show({ name, session, nameOf: (id) => names.get(id) ?? id });
  find("report").replaceChildren(...[modelsOf(models, name), ...sections].filter(Boolean));
  find("status").textContent = "";
}

/** Return links to the report on each model, with its languages; nothing if there is one. */
function modelsOf(models, shown) {
  if (models.length === 1) return null;
  const links = models.flatMap(({ name, languages }) => {
    const link = element("a", "", [name, ...languages].join(" · "));
    link.href = `?${new URLSearchParams({ model: name })}`;
    if (name === shown) link.ariaCurrent = "page";
    return [link, " "];
  });
  const made = element("nav", "models", ...links);
  made.ariaLabel = text("models");
  return made;
}

/** Return what a 404 answers where there is nothing to show yet, else what `asked` brings. */
export async function orNothing(asked) {
  try {
    return await asked;
  } catch (error) {
    if (error.kind === "not-found") return null;
    throw error;
  }
}

/** Return a section with a heading and, below it, what it shows. */
export function section(title, hint, ...children) {
  return element("section", "", element("h2", "", title), hint ? element("p", "hint", hint) : null, ...children);
}

/** Return a line for a page that has nothing to show, and why. */
export const nothing = (title, detail) => element("div", "nothing", element("h2", "", title), element("p", "", detail));

/**
 * Return a table that scrolls by itself where it is too wide.
 * @param caption what it is a table of
 * @param heads texts; one that starts with "#" is of a column of numbers, with "±" of plots around zero
 * @param rows of texts and elements, the first the row's name
 */
export function table(caption, heads, rows) {
  const kinds = heads.map((head) => KINDS[head[0]] ?? "");
  const cell = (tag, content, at) => element(tag, kinds[at], content);
  const headCell = (scope, content, at) => Object.assign(cell("th", content, at), { scope });
  const line = (row) => row.map((content, at) => (at ? cell("td", content, at) : headCell("row", content, at)));
  const made = element("table", "",
    element("caption", "unseen", caption),
    element("thead", "", element("tr", "", ...heads.map((head, at) => headCell("col", head.replace(/^[#±]/, ""), at)))),
    element("tbody", "", ...rows.map((row) => element("tr", "", ...line(row)))));
  const around = element("div", "wide", made);
  around.tabIndex = 0; // a keyboard scrolls it too
  around.role = "region";
  around.setAttribute("aria-label", caption);
  return around;
}
