// The versions that say what they change, and, for who may, publishing one of them or going back.

import * as api from "./api.js";
import { button, element as make, find, silent } from "./dom.js";
import { locale, text } from "./language.js";
import { nameOf } from "./model.js";
import { section } from "./report.js";
import { once } from "./trouble.js";

/**
 * Return the list of candidates.
 * @param listed what GET /v1/changes says
 * @param shown the version whose changes are on the page
 * @param session who is signed in; where there are no keys, everybody may do everything
 * @param refresh shows the page again
 */
export function candidateList({ model, previous, candidates }, shown, { editor, scopes }, refresh) {
  const may = editor === null || scopes.includes("admin");
  const rows = candidates.map((candidate) => {
    const item = row(candidate, reference(candidate.version, model), candidate.version === shown);
    const onClick = () => publish(candidate, model, refresh);
    if (may && !candidate.current) item.append(button("", text("changes.publish"), onClick));
    return item;
  });
  const before = previous && reference(previous, model);
  const back = () => button("", text("changes.roll-back", { previous: before }), () => rollBack(model, before, refresh));
  const actions = may && before ? make("p", "", back()) : null;
  return section(text("changes.versions"), text("changes.current", { model }), make("ol", "candidates", ...rows), actions);
}

/** Return a version as the service names it, with the name of the model that it is of. */
const reference = (version, model) => `${nameOf(model)}@${version}`;

function row({ version, made, decision, reasons, current }, name, isShown) {
  const known = decision ?? "none";
  const link = make("a", "", name);
  link.href = `?${new URLSearchParams({ model: nameOf(name), version })}`;
  if (isShown) link.ariaCurrent = "page";
  const facts = [text(`decision.${known}`), moment(made), current && text("changes.is-current")].filter(Boolean);
  const reason = reasons.length ? make("p", "hint", reasons[0]) : null;
  const says = make("div", "", link, make("small", "", facts.join(" · ")), reason);
  return make("li", known, silent("span", "mark", text(`decision.${known}.mark`)), says);
}

/** Return when something was made, in the language's words; "" where it is not known. */
export function moment(made) {
  const when = new Date(made);
  return Number.isNaN(when.getTime()) ? "" : when.toLocaleString(locale, { dateStyle: "long", timeStyle: "short" });
}

async function publish({ version, served, decision, reasons }, model, refresh) {
  const name = reference(version, model);
  const says = [make("p", "", text("confirm.publish", { version: name, model }))];
  if (served !== model) says.push(make("p", "", text("confirm.other-served", { served })));
  if (decision === "refused" || decision === "held") {
    const list = make("ul", "", ...reasons.map((reason) => make("li", "", reason)));
    says.push(make("p", "", text("confirm.refused")), list);
  }
  says.push(make("p", "", text("confirm.can-roll-back")));
  const isSure = await confirmed(text("confirm.publish-heading", { version: name }), text("changes.publish"), says);
  if (isSure) await change(() => api.publish(version, nameOf(model)), refresh);
}

async function rollBack(model, previous, refresh) {
  const says = [make("p", "", text("confirm.roll-back", { previous, model }))];
  const isSure = await confirmed(text("confirm.roll-back-heading", { previous }), text("changes.roll-back", { previous }), says);
  if (isSure) await change(() => api.rollBack(nameOf(model)), refresh);
}

/** Ask whether to do something, having said what will happen; return the answer. */
function confirmed(heading, yes, says) {
  const dialog = find("confirm");
  find("confirm-heading").textContent = heading;
  find("confirm-yes").textContent = yes;
  find("confirm-says").replaceChildren(...says);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Change what is served, show the page as it is now, and say what came of it. */
const change = (asked, refresh) => once(async () => {
  const { model, waiting } = await asked();
  await refresh();
  const count = waiting.length;
  find("status").textContent = text(count ? "changes.done-waiting" : "changes.done", { model, count });
});
