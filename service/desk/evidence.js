// Lights a topic's words in the article: ranges over its text nodes, so that 5,000 words cost no new elements.

import { divide, isCommon } from "./function-words.js";

const LEVELS = [0.66, 0.33, 0.1];
const FAINTEST = LEVELS.at(-1); // below, every word would glow
const WORD = /[\p{L}\p{N}\p{M}_]{2,}/gu;

/**
 * Light the evidence of a topic in the runs that `show` returned; light nothing where there is no evidence.
 * Return the ranges of the strongest.
 */
export function light(runs, evidence = []) {
  const { telling } = divide(evidence);
  const ranges = {};
  for (const field of new Set(runs.map((run) => run.field))) {
    const own = runs.filter((run) => run.field === field);
    for (const { start, end, level } of spans(telling, field, own.at(-1).end)) {
      for (const run of within(own, start, end)) {
        (ranges[level] ??= []).push(...rangesOf(run, start, end));
      }
    }
  }
  for (const side of ["for", "against"]) {
    for (let level = 1; level <= LEVELS.length; level++) {
      const name = `${side}-${level}`;
      CSS.highlights?.set(name, new Highlight(...(ranges[name] ?? [])));
    }
  }
  const levels = LEVELS.map((_, at) => LEVELS.length - at);
  const strongest = levels.find((level) => ranges[`for-${level}`]?.length || ranges[`against-${level}`]?.length);
  return [...(ranges[`for-${strongest}`] ?? []), ...(ranges[`against-${strongest}`] ?? [])];
}

/** Add up what each character's n-grams say, an n-gram of two words half for each; return spans of one level. */
function spans(evidence, field, length) {
  const weights = new Float64Array(length);
  for (const one of evidence) {
    if (one.field !== field) continue;
    const share = one.weight / (one.text.match(WORD)?.length ?? 1);
    for (let at = one.start; at < one.end && at < length; at++) weights[at] += share;
  }
  const strongest = evidence.reduce((most, one) => Math.max(most, Math.abs(one.weight)), 0);
  const found = [];
  for (let start = 0; start < length; ) {
    const level = levelOf(weights[start] / strongest);
    let end = start + 1;
    while (end < length && levelOf(weights[end] / strongest) === level) end++;
    if (level) found.push({ start, end, level });
    start = end;
  }
  return found;
}

function levelOf(strength) {
  const size = Math.abs(strength);
  if (!(size >= FAINTEST)) return "";
  const level = LEVELS.length - LEVELS.findIndex((least) => size >= least);
  return `${strength > 0 ? "for" : "against"}-${level}`;
}

function* within(runs, start, end) {
  let low = 0;
  for (let high = runs.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (runs[middle].end <= start) low = middle + 1;
    else high = middle;
  }
  for (; low < runs.length && runs[low].start < end; low++) yield runs[low];
}

function rangesOf(run, start, end) {
  const { node } = run;
  if (run.whole) return [rangeOver(node, 0, node.data.length)];
  const [from, to] = [units(run, Math.max(start, run.start)), units(run, Math.min(end, run.end))];
  return stretches(node.data.slice(from, to)).map(([first, last]) => rangeOver(node, from + first, from + last));
}

/** Return where the words of a text stand, those side by side as one stretch; function words end it and are left out. */
function stretches(text) {
  const all = [];
  let isOpen = false;
  for (const { 0: word, index } of text.matchAll(/\S+/g)) {
    const isTelling = !isCommon(word);
    if (isTelling && isOpen) all.at(-1)[1] = index + word.length;
    else if (isTelling) all.push([index, index + word.length]);
    isOpen = isTelling;
  }
  return all;
}

function rangeOver(node, from, to) {
  const range = new Range();
  range.setStart(node, from);
  range.setEnd(node, to);
  return range;
}

// Offsets count code points, a JavaScript string counts UTF-16 units.
function units(run, at) {
  const points = at - run.start;
  const text = run.node.data;
  if (text.length === run.end - run.start) return points;
  run.units ??= Array.from(text).reduce((sums, point) => (sums.push(sums.at(-1) + point.length), sums), [0]);
  return run.units[points];
}
