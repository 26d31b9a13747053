// The page of drift: what GET /v1/drift says, as small plots, each with its numbers beside it.

import * as api from "./api.js";
import { element as make } from "./dom.js";
import { percent, text, whole } from "./language.js";
import { day, figure, overWeeks } from "./plot.js";
import { begin, nothing, orNothing, section, table } from "./report.js";

const WEEKS = 12;
const SCALES = [0.1, 0.2, 0.3, 0.5, 1];
const isThere = (value) => value !== null;
const share = (value) => (isThere(value) ? percent(value) : "–");
const number = (value) => (Number.isInteger(value) ? whole(value) : "");

begin(async ({ name, nameOf }) => {
  const drift = await orNothing(api.drift(WEEKS, name));
  if (!drift?.corrections.some(Boolean)) return [nothing(text("drift.nothing"), text("drift.nothing-why"))];
  return [
    section(text("drift.all"), "", make("div", "plots", corrections(drift), unknownWords(drift))),
    missingTopics(drift.missing),
    newWords(drift.new_words.filter(({ words }) => words.length), nameOf),
    byTopic(drift, nameOf),
  ];
});

function corrections({ weeks, corrections: values }) {
  const total = values.reduce((sum, value) => sum + value, 0);
  const says = text("drift.corrections-says", {
    corrections: text("corrections.count", { count: total }),
    weeks: text("weeks.count", { count: weeks.length }),
    latest: values.at(-1),
  });
  return drawn({
    title: text("drift.corrections"),
    description: says,
    weeks,
    series: [{ name: text("drift.corrections"), values, kind: "bars" }],
    top: roundUp(Math.max(...values)),
    format: number,
  });
}

function unknownWords({ weeks, unknown_words: values }) {
  const most = Math.max(...values.filter(isThere), 0);
  return drawn({
    title: text("drift.unknown"),
    description: text("drift.unknown-says", { share: latest(values) }),
    weeks,
    series: [{ name: text("drift.unknown"), values, kind: "line" }],
    top: SCALES.find((scale) => scale >= most),
    format: share,
  });
}

function byTopic({ weeks, topics }, nameOf) {
  const seen = topics.filter(({ rate, acceptance }) => rate.some(Boolean) || acceptance.some(isThere));
  const unseen = topics.filter((topic) => !seen.includes(topic)).map(({ topic }) => nameOf(topic));
  const now = ({ rate }) => rate.findLast(isThere) ?? 0;
  const plots = seen.sort((one, other) => now(other) - now(one)).map(({ topic, rate, acceptance }) =>
    drawn({
      title: nameOf(topic),
      description: text("drift.topic-says", { rate: latest(rate), acceptance: latest(acceptance) }),
      weeks,
      series: [
        { name: text("drift.has-it"), values: rate, kind: "line" },
        { name: text("drift.accepted"), values: acceptance, kind: "dashes" },
      ],
      top: 1,
      format: share,
    }));
  const others = unseen.length ? make("p", "hint", text("drift.unseen", { topics: unseen.join(", ") })) : null;
  return section(text("drift.by-topic"), text("drift.by-topic-hint"), make("div", "plots", ...plots), others);
}

function drawn(all) {
  const { title, description, weeks, series, format } = all;
  const rows = weeks.map((week, at) => [day(week), ...series.map(({ values }) => format(values[at]))]);
  const heads = [text("drift.week"), ...series.map(({ name }) => `#${name}`)];
  const numbers = table(text("drift.week-by-week", { title }), heads, rows);
  return figure(title, description, overWeeks(all), series, numbers);
}

/** Return the topics that editors miss and the model does not know. */
function missingTopics(topics) {
  if (!topics.length) return null;
  const items = topics.map(({ name, articles: count }) =>
    make("li", "", make("bdi", "", name), make("small", "", ` ${text("articles.count", { count })}`)));
  return section(text("drift.missing"), text("drift.missing-hint"), make("ul", "achieved", ...items));
}

function newWords(topics, nameOf) {
  const title = text("drift.words");
  if (!topics.length) return section(title, text("drift.no-words"));
  const groups = topics.map(({ topic, words }) => {
    const listed = words.flatMap(({ word, articles }) => [
      make("span", "word", make("bdi", "", word), make("small", "", ` ${text("articles.count", { count: articles })}`)),
      " ",
    ]);
    return make("li", "", make("b", "", nameOf(topic)), " ", ...listed);
  });
  return section(title, text("drift.words-hint"), make("ul", "new-words", ...groups));
}

/** The share of the latest week that has one. */
const latest = (values) => share(values.findLast(isThere) ?? null);

function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return Math.max(2, [1, 2, 4, 6, 8, 10].map((one) => one * power).find((one) => one >= value));
}
