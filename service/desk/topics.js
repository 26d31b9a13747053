// Topics as rows: a box of three states, a name, a bar.

import { ACCEPTED, NOT_JUDGED, REJECTED } from "./decision.js";
import { element, silent } from "./dom.js";
import { percent, text } from "./language.js";

const BANDS = { auto: "sure", suggest: "likely" };
const MARKS = { [ACCEPTED]: "✓", [REJECTED]: "✕", [NOT_JUDGED]: "" };
// A box that is neither checked nor unchecked is what ARIA calls mixed; the name says the verdict in a word besides.
const CHECKED = { [ACCEPTED]: "true", [REJECTED]: "false", [NOT_JUDGED]: "mixed" };

/** The key of the plain word for a topic's band. */
export const band = (topic) => BANDS[topic.band] ?? "unsure";

/** Return the codes of a topic of /v1/topics. */
export const codesOf = (entry) => entry.codes.map((code) => code.qcode);

/** Return how sure the model is of a topic; nothing is certain. */
export const confidence = (topic) => percent(Math.min(topic.confidence, 0.999));

/** Return the row of a topic: a box of three states, its name, a bar with its cut-offs, its verdict in a word. */
export function row(topic, entry, { verdict, added }) {
  const { cutoffs, description = "" } = entry ?? {};
  const made = element("li", `topic ${band(topic)} ${verdict}`);
  made.dataset.id = topic.id;
  const name = element("span", "name", topic.name);
  name.title = description;
  if (added) name.append(element("small", "", text("row.added")));
  const sureness = element("span", "confidence");
  const label = [topic.name, text(`verdict.${verdict}`), added && text("row.added")];
  if (topic.confidence !== null) {
    const values = { band: text(`band.${band(topic)}`), share: confidence(topic) };
    sureness.append(element("b", band(topic), values.band), ` ${values.share}`);
    label.push(text("row.confidence", values), cutoffText(cutoffs));
  }
  made.append(box(verdict, label.filter(Boolean).join("; ")), name, sureness, bar(topic, cutoffs));
  made.append(silent("span", "verdict", text(`verdict.${verdict}`)));
  return made;
}

function box(verdict, label) {
  const made = element("button", "box", silent("span", "", MARKS[verdict]));
  made.type = "button";
  made.role = "checkbox";
  made.ariaChecked = CHECKED[verdict];
  made.ariaLabel = label;
  made.setAttribute("aria-describedby", "why-heading distance");
  return made;
}

function bar(topic, cutoffs) {
  const made = element("span", "bar");
  if (topic.confidence !== null) {
    const filled = element("i", "filled");
    filled.style.inlineSize = `${topic.confidence * 100}%`;
    made.append(filled);
  }
  for (const name of ["suggest", "auto"]) {
    if (cutoffs?.[name] == null) continue;
    const mark = element("i", `cut-off ${name}`);
    mark.style.insetInlineStart = `${cutoffs[name] * 100}%`;
    made.append(mark);
  }
  made.title = cutoffText(cutoffs);
  return made;
}

function cutoffText(cutoffs) {
  if (!cutoffs) return "";
  const likely = percent(cutoffs.suggest);
  if (cutoffs.auto == null) return text("row.never-sure", { likely });
  return text("row.cutoffs", { likely, sure: percent(cutoffs.auto) });
}

