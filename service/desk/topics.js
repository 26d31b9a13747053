// Topics as rows with a bar, and why one is given or not.

import { element, percent, signed } from "./dom.js";

const WORDS = { auto: "sure", suggest: "likely" };
const MOST_WORDS = 5;
const BETWEEN = /[^\p{L}\p{N}\p{M}_]+/gu; // "air-strike" and "air strike" are one n-gram

/** The plain word of a topic's band. */
export const word = (topic) => WORDS[topic.band] ?? "unsure";

/** Return the row of a topic: a checkbox, its name, a bar with its cut-offs, its codes. */
export function row(topic, cutoffs, { chosen, added }) {
  const made = element("li", `topic ${word(topic)}`);
  made.dataset.id = topic.id;
  const box = element("input");
  box.type = "checkbox";
  box.checked = chosen;
  const says = `${word(topic)}, ${percent(topic.confidence)}`;
  const codes = topic.qcodes.join(" ");
  box.setAttribute("aria-label", [topic.name, added && "added", says, cutoffText(cutoffs), codes].filter(Boolean).join("; "));
  box.setAttribute("aria-describedby", "why-heading distance");
  const name = element("span", "name", topic.name);
  if (added) name.append(element("small", "by-you", "added"));
  const confidence = element("span", "confidence");
  confidence.append(element("b", word(topic), word(topic)), ` ${percent(topic.confidence)}`);
  made.append(box, name, confidence, bar(topic, cutoffs), element("span", "code", codes));
  return made;
}

function bar(topic, cutoffs) {
  const made = element("span", "bar");
  const filled = element("i", "filled");
  filled.style.inlineSize = `${topic.confidence * 100}%`;
  made.append(filled);
  for (const band of ["suggest", "auto"]) {
    if (cutoffs?.[band] == null) continue;
    const mark = element("i", `cut-off ${band}`);
    mark.style.insetInlineStart = `${cutoffs[band] * 100}%`;
    made.append(mark);
  }
  made.title = cutoffText(cutoffs);
  return made;
}

function cutoffText(cutoffs) {
  if (!cutoffs) return "";
  return `likely from ${percent(cutoffs.suggest)}, ${cutoffs.auto == null ? "never sure" : `sure from ${percent(cutoffs.auto)}`}`;
}

/**
 * Say why a topic is given or not.
 * @param into the elements by name
 * @param topic with evidence, or without while it is fetched
 * @param entry the topic's entry in /v1/topics
 * @param calibration {slope, offset} of score to log-odds, where the manifest has it
 */
export function explain(into, topic, entry, calibration) {
  into.heading.textContent = `${topic.band ? "Why" : "Why not"} ${topic.name}?`;
  into.distance.textContent = distance(topic, entry?.cutoffs);
  const words = byText(topic.evidence ?? []);
  const strongest = Math.max(...words.map((one) => Math.abs(one.weight)), 0);
  const side = (sign) => words.filter((one) => one.weight * sign > 0).slice(0, MOST_WORDS);
  into.for.replaceChildren(...listed(side(1), strongest, topic));
  into.against.replaceChildren(...listed(side(-1), strongest, topic));
  into.sum.textContent = topic.evidence ? sum(topic, entry?.cutoffs, calibration) : "";
}

function distance(topic, cutoffs) {
  const says = `At ${percent(topic.confidence)}, `;
  if (!cutoffs) return `${says}${word(topic)}.`;
  const { suggest, auto } = cutoffs;
  if (!topic.band) return `${says}${points(suggest - topic.confidence)} short of the cut-off at ${percent(suggest)}.`;
  const above = `${says}${points(topic.confidence - suggest)} above the cut-off at ${percent(suggest)}`;
  if (topic.band === "auto") return `${says}${points(topic.confidence - auto)} above the cut-off for “sure” at ${percent(auto)}.`;
  if (auto == null) return `${above}. It is never “sure”: no cut-off was right nine times in ten.`;
  if (topic.confidence >= auto) return `${above}. It would be “sure” if the text gave no reason to doubt.`;
  return `${above}, ${points(auto - topic.confidence)} short of “sure” at ${percent(auto)}.`;
}

function points(share) {
  const value = Math.abs(share * 100);
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} points`;
}

/** Add up what an n-gram adds wherever it stands; strongest first. */
function byText(evidence) {
  const sums = new Map();
  for (const { text, weight } of evidence) {
    const key = text.toLowerCase().replace(BETWEEN, " ").trim();
    const one = sums.get(key) ?? { text: key, weight: 0, times: 0 };
    one.weight += weight;
    one.times++;
    sums.set(key, one);
  }
  return [...sums.values()].sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight));
}

function listed(words, strongest, topic) {
  if (!words.length) return [element("li", "hint", topic.evidence ? "no word" : "…")];
  return words.map(({ text, weight, times }) => {
    const made = element("li");
    const name = element("bdi", "", text);
    const often = element("span", "times", times > 1 ? `×${times}` : "");
    made.append(name, often, element("span", "weight", signed(weight)));
    made.style.setProperty("--share", `${(Math.abs(weight) / strongest) * 100}%`);
    return made;
  });
}

function sum(topic, cutoffs, calibration) {
  const total = (sign) => topic.evidence.reduce((all, { weight }) => (weight * sign > 0 ? all + weight : all), 0);
  const parts = `To begin with ${signed(topic.bias)}, for ${signed(total(1))}, against ${signed(total(-1))}: score ${signed(topic.score)}`;
  if (!cutoffs || !calibration) return `${parts}.`;
  const { suggest } = cutoffs;
  const needed = (Math.log(suggest / (1 - suggest)) - calibration.offset) / calibration.slope;
  const held = !topic.band && topic.score >= needed ? ", but it is held at the confidence of the topic above it" : "";
  return Number.isFinite(needed) ? `${parts}; the cut-off is at ${signed(needed)}${held}.` : `${parts}.`;
}
