// The page of drift: what GET /v1/drift says, as small plots, each with its numbers beside it.

import * as api from "./api.js";
import { count, element as make, percent } from "./dom.js";
import { day, figure, overWeeks } from "./plot.js";
import { begin, nothing, orNothing, section, table } from "./report.js";

const WEEKS = 12;
const SCALES = [0.1, 0.2, 0.3, 0.5, 1];
const isThere = (value) => value !== null;
const share = (value) => (isThere(value) ? percent(value) : "–");
const whole = (value) => (Number.isInteger(value) ? value.toLocaleString("en") : "");

begin(async (model, nameOf) => {
  const found = await orNothing(api.drift(WEEKS));
  if (!found?.corrections.some(Boolean)) {
    return [nothing("Nothing yet", "As soon as editors correct articles at the desk, this page shows what moves.")];
  }
  return [
    section("All articles", "", make("div", "plots", corrections(found), unknownWords(found))),
    newWords(found.new_words.filter(({ words }) => words.length), nameOf),
    byTopic(found, nameOf),
  ];
});

function corrections({ weeks, corrections: values }) {
  const total = values.reduce((sum, value) => sum + value, 0);
  return drawn({
    title: "Corrections",
    description: `${count(total, "correction")} in ${count(weeks.length, "week")}; ${values.at(-1)} in the latest.`,
    weeks,
    series: [{ name: "corrections", values, kind: "bars" }],
    top: roundUp(Math.max(...values)),
    format: whole,
  });
}

function unknownWords({ weeks, unknown_words: values }) {
  const most = Math.max(...values.filter(isThere), 0);
  return drawn({
    title: "Unknown words",
    description: `Of corrected articles the model does not know ${latest(values)} of the words (latest).`,
    weeks,
    series: [{ name: "unknown words", values, kind: "line" }],
    top: SCALES.find((scale) => scale >= most),
    format: share,
  });
}

function byTopic({ weeks, topics }, nameOf) {
  const seen = topics.filter(({ rate, acceptance }) => rate.some(Boolean) || acceptance.some(isThere));
  const unseen = topics.filter((one) => !seen.includes(one)).map(({ topic }) => nameOf(topic));
  const now = ({ rate }) => rate.findLast(isThere) ?? 0;
  const plots = seen.sort((one, other) => now(other) - now(one)).map(({ topic, rate, acceptance }) =>
    drawn({
      title: nameOf(topic),
      description: `Latest: ${latest(rate)} have it, ${latest(acceptance)} accepted.`,
      weeks,
      series: [
        { name: "has it", values: rate, kind: "line" },
        { name: "accepted", values: acceptance, kind: "dashes" },
      ],
      top: 1,
      format: share,
    }));
  return section(
    "By topic",
    "How many of the corrected articles have it, and how often editors accept it where the model gave it.",
    make("div", "plots", ...plots),
    unseen.length ? make("p", "hint", `No correction has any of these: ${unseen.join(", ")}.`) : null,
  );
}

function drawn(all) {
  const { title, description, weeks, series, format } = all;
  const rows = weeks.map((week, at) => [day(week), ...series.map(({ values }) => format(values[at]))]);
  const heads = ["Week of", ...series.map(({ name }) => `#${name}`)];
  return figure(title, description, overWeeks(all), series, table(`${title} by week`, heads, rows));
}

function newWords(topics, nameOf) {
  const title = "New words this week";
  if (!topics.length) return section(title, "There is none that stands in several corrected articles of a topic.");
  const groups = topics.map(({ topic, words }) => {
    const listed = words.flatMap(({ word, articles }) => [
      make("span", "word", make("bdi", "", word), make("small", "", ` ${count(articles, "article")}`)),
      " ",
    ]);
    return make("li", "", make("b", "", nameOf(topic)), " ", ...listed);
  });
  const hint = "The model does not know them, and corrected articles of the weeks before did not have them.";
  return section(title, hint, make("ul", "new-words", ...groups));
}

/** The share of the latest week that has one. */
const latest = (values) => share(values.findLast(isThere) ?? null);

function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return Math.max(2, [1, 2, 4, 6, 8, 10].map((one) => one * power).find((one) => one >= value));
}
