// Lights a topic's words in the article: ranges over its text nodes, so that 5,000 words cost no new elements.

const LEVELS = [0.66, 0.33, 0.1];
const FAINTEST = LEVELS.at(-1); // below, every "the" would glow
const WORD = /[\p{L}\p{N}_]{2,}/gu;

/**
 * Light the evidence of a topic in the runs that `show` returned; light nothing where there is no evidence.
 * Return the ranges of the strongest.
 */
export function light(runs, evidence = []) {
  const ranges = {};
  for (const field of new Set(runs.map((run) => run.field))) {
    const own = runs.filter((run) => run.field === field);
    for (const { start, end, level } of spans(evidence, field, own.at(-1).end)) {
      for (const run of within(own, start, end)) {
        const range = rangeOf(run, start, end);
        if (!range.collapsed) (ranges[level] ??= []).push(range);
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
  const strongest = levels.find((level) => ranges[`for-${level}`] ?? ranges[`against-${level}`]);
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

function rangeOf(run, start, end) {
  const range = new Range();
  if (run.whole) {
    range.selectNodeContents(run.node);
  } else {
    let [from, to] = [units(run, Math.max(start, run.start)), units(run, Math.min(end, run.end))];
    while (from < to && /\s/.test(run.node.data[from])) from++; // the gap before a word says nothing alone
    while (from < to && /\s/.test(run.node.data[to - 1])) to--;
    range.setStart(run.node, from);
    range.setEnd(run.node, to);
  }
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
