// Why a topic is given or not: how far it is from its cut-offs, the words for and against it, and their sum.

import { element } from "./dom.js";
import { divide } from "./function-words.js";
import { decimal, percent, signed, text } from "./language.js";
import { band, confidence } from "./topics.js";

const MOST_WORDS = 5;
const BETWEEN = /[^\p{L}\p{N}\p{M}_]+/gu; // "air-strike" and "air strike" are one n-gram

/**
 * Say what a topic is, and why it is given or not.
 * @param into the elements by name
 * @param topic with evidence, or without while it is fetched or where there is none
 * @param entry the topic's entry in /v1/topics, with the name of its parent
 * @param calibration {slope, offset} of score to log-odds, where the manifest has it
 * @param added whether an editor added it
 * @param isExplained whether the article is short enough to be explained
 */
export function explain(into, topic, entry, calibration, { added, isExplained }) {
  into.heading.textContent = text(added ? "why.added" : topic.band ? "why.given" : "why.not", { topic: topic.name });
  into.about.textContent = entry?.description ?? "";
  into.place.textContent = [entry?.parentName && text("why.parent", { parent: entry.parentName }), ...topic.qcodes]
    .filter(Boolean)
    .join(" · ");
  into.distance.textContent = distance(topic, entry?.cutoffs);
  into.words.hidden = !isExplained;
  into.sum.textContent = isExplained ? "" : text("why.too-long");
  if (!isExplained) return;
  const { words, common } = byText(topic.evidence ?? []);
  const strongest = Math.max(...words.map(({ weight }) => Math.abs(weight)), 0);
  for (const [side, sign] of [["for", 1], ["against", -1]]) {
    const own = words.filter(({ weight }) => weight * sign > 0).slice(0, MOST_WORDS);
    if (common && common * sign > 0) own.push({ weight: common, isCommon: true });
    into[side].replaceChildren(...listed(own, strongest, topic));
  }
  if (topic.evidence) into.sum.textContent = sum(topic, words, common, entry?.cutoffs, calibration);
}

function distance(topic, cutoffs) {
  if (topic.confidence === null) return "";
  const share = confidence(topic);
  if (!cutoffs) return text("distance.plain", { share, band: text(`band.${band(topic)}`) });
  const { suggest, auto } = cutoffs;
  const above = points(topic.confidence - suggest);
  const values = { share, likely: percent(suggest), sure: auto == null ? "" : percent(auto), above };
  if (!topic.band) return text("distance.unsure", { ...values, short: above });
  if (topic.band === "auto") return text("distance.sure", { ...values, above: points(topic.confidence - auto) });
  if (auto == null) return text("distance.never-sure", values);
  if (topic.confidence >= auto) return text("distance.doubted", values);
  return text("distance.likely", { ...values, short: points(auto - topic.confidence) });
}

function points(share) {
  const value = Math.abs(share * 100);
  return text("points", { value: value < 9.95 ? decimal(value, 1) : decimal(value, 0) });
}

/** Add up what an n-gram adds wherever it stands, strongest first; those of function words alone are one sum. */
function byText(evidence) {
  const sums = new Map();
  const { telling, common } = divide(evidence);
  for (const { text: ngram, weight } of telling) {
    const key = ngram.toLowerCase().replace(BETWEEN, " ").trim();
    const entry = sums.get(key) ?? { ngram: key, weight: 0, times: 0 };
    entry.weight += weight;
    entry.times++;
    sums.set(key, entry);
  }
  return { words: [...sums.values()].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)), common };
}

function listed(words, strongest, topic) {
  if (!words.length) return [element("li", "hint", topic.evidence ? text("words.none") : "…")];
  return words.map(({ ngram, weight, times, isCommon: common }) => {
    const made = common ? element("li", "common", text("words.common")) : element("li", "", element("bdi", "", ngram));
    if (times > 1) made.append(element("span", "times", `×${times}`));
    made.append(element("span", "weight", signed(weight)));
    if (!common) made.style.setProperty("--share", `${(Math.abs(weight) / strongest) * 100}%`);
    return made;
  });
}

function sum(topic, words, common, cutoffs, calibration) {
  const total = (sign) => words.reduce((all, { weight }) => (weight * sign > 0 ? all + weight : all), 0);
  const [bias, plus, minus, rest] = addends([topic.bias, total(1), total(-1), common], topic.score);
  const values = { bias, plus, minus, common: rest, score: signed(topic.score) };
  const says = text(common ? "sum.with-common" : "sum.plain", values);
  if (!cutoffs || !calibration) return text("sum.end", { sum: says });
  const { suggest } = cutoffs;
  const needed = (Math.log(suggest / (1 - suggest)) - calibration.offset) / calibration.slope;
  if (!Number.isFinite(needed)) return text("sum.end", { sum: says });
  const isHeld = !topic.band && topic.score >= needed;
  return text(isHeld ? "sum.held" : "sum.cutoff", { sum: says, cutoff: signed(needed) });
}

/**
 * Round to hundredths so that the figures shown add up: the difference goes to those that rounding moved most, but not
 * to the last, which the list of words shows too.
 */
function addends(values, total) {
  const hundredths = values.map((value) => Math.round(value * 100));
  let rest = Math.round(total * 100) - hundredths.reduce((all, value) => all + value, 0);
  const lost = (at) => (values[at] * 100 - hundredths[at]) * rest;
  for (; rest; rest -= Math.sign(rest)) {
    const most = [1, 2].reduce((best, at) => (hundredths[at] && lost(at) > lost(best) ? at : best), 0);
    hundredths[most] += Math.sign(rest);
  }
  return hundredths.map((value) => signed(value / 100));
}
