// The page of what candidates change: a list of them, and of one what GET /v1/models/{version}/changes says.

import * as api from "./api.js";
import { candidateList, moment } from "./candidates.js";
import { element as make, silent } from "./dom.js";
import { decimal, percent, signed, text } from "./language.js";
import { interval, twoSides } from "./plot.js";
import { begin, nothing, orNothing, section, table } from "./report.js";

const points = (difference) => signed(difference * 100, 1);
const range = ({ low, high }) => text("changes.range", { low: points(low), high: points(high) });

const refresh = begin(async ({ name, nameOf, session }) => {
  const listed = await api.candidates(name);
  const asked = new URLSearchParams(location.search).get("version")?.trim();
  const version = asked || listed.candidates[0]?.version;
  if (!version) return [nothing(text("changes.none"), text("changes.none-why"))];
  const changes = await orNothing(api.changes(version, name));
  const list = listed.candidates.length > 0 && candidateList(listed, version, session, refresh);
  if (!changes) return [list, nothing(text("changes.unknown", { version }), text("changes.unknown-why"))];
  return [
    list,
    head(changes),
    changes.gate && gate(changes.gate, nameOf),
    articles(changes, nameOf),
    strongest(changes.strongest, nameOf),
    editors(changes.editors, nameOf),
    standings(changes.contradicted ?? [], nameOf), // records of earlier versions have none
    words(changes.words, nameOf),
  ];
});

function head({ candidate, served, made }) {
  const names = { candidate: make("b", "", candidate), served: make("b", "", served) };
  const says = make("p", "lead", names.candidate, ` ${text("changes.against")} `, names.served);
  const when = moment(made);
  if (when) says.append(`, ${when}`);
  return says;
}

function gate({ decision, reasons, articles: total, micro_f1: whole, topics }, nameOf) {
  const children = [banner(decision, reasons), whole && inOne(whole, total), topics && byTopic(topics, nameOf)];
  return section(text("changes.gate"), "", ...children);
}

function banner(decision, reasons) {
  const says = ` ${text(`decision.${decision}.says`)}`;
  const list = reasons.length ? make("ul", "", ...reasons.map((reason) => make("li", "", reason))) : null;
  const title = make("strong", "", text(`decision.${decision}`));
  const mark = silent("span", "mark", text(`decision.${decision}.mark`));
  return make("div", `decision ${decision}`, mark, make("p", "", title, says), list);
}

function inOne(whole, total) {
  const [served, candidate] = [whole.served, whole.candidate].map((value) => decimal(value, 3));
  const figures = text("changes.figures", { served, candidate, count: total });
  const difference = make("b", "", text("points", { value: points(whole.difference) }));
  return make("p", "", figures, " ", difference, text("changes.interval", { range: range(whole) }));
}

function byTopic(topics, nameOf) {
  const most = Math.max(...topics.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]), 0.01);
  const differences = topics.map((topic) => ({ ...topic, difference: topic.candidate - topic.served }));
  const rows = differences.sort((one, other) => one.difference - other.difference).map((topic) => [
    nameOf(topic.topic),
    decimal(topic.served, 3),
    decimal(topic.candidate, 3),
    points(topic.difference),
    range(topic),
    interval(topic.low, topic.difference, topic.high, most),
  ]);
  const heads = ["topic", "#served", "#candidate", "#points", "#interval", "±worse-better"];
  return table(text("changes.by-topic"), heads.map(headText), rows);
}

/** Return a column's head; its first letter may say of what kind the column is. */
const headText = (head) => head.replace(/^([#±]?)(.*)$/, (_, kind, name) => kind + text(`column.${name}`));

function articles({ source, articles: total, topics }, nameOf) {
  const title = text("changes.topics");
  const hint = text(source === "corrected articles" ? "changes.on-traffic" : "changes.on-set", { count: total, source });
  const moved = topics.filter(({ gained, lost }) => gained + lost > 0);
  if (!moved.length) return section(title, `${hint} ${text("changes.no-topic")}`);
  const most = Math.max(...moved.flatMap(({ gained, lost }) => [gained, lost]));
  const rows = moved
    .sort((one, other) => other.gained + other.lost - one.gained - one.lost)
    .map(({ topic, gained, lost }) => [nameOf(topic), String(lost), twoSides(lost, gained, most), String(gained)]);
  const heads = ["topic", "#lost", "±lost-gained", "#gained"];
  return section(title, hint, table(text("changes.gained-or-lost"), heads.map(headText), rows));
}

function strongest(rowsOf, nameOf) {
  if (!rowsOf.length) return null;
  const rows = rowsOf.map(({ id, title, topic, change, served, candidate }) => [
    make("bdi", "", title ?? id),
    make("span", `change ${change}`, change === "gained" ? "+ " : "− ", nameOf(topic)),
    percent(served),
    percent(candidate),
  ]);
  const says = text("changes.furthest");
  const heads = ["article", "change", "#served", "#candidate"];
  return section(text("changes.strongest"), text("sentence", { says }), table(says, heads.map(headText), rows));
}

function editors(rows, nameOf) {
  if (!rows.length) return null;
  const lines = rows.map(({ editor, topic, corrections, errors_before: before, errors_after: after }) => {
    const says = `: ${achieved(corrections, nameOf(topic), before - after)}`;
    const figures = make("small", "", ` ${text("changes.before-after", { before, after })}`);
    return make("li", "", make("b", "", editor ?? text("changes.somebody")), says, figures);
  });
  return section(text("changes.achieved"), text("changes.achieved-hint"), make("ul", "achieved", ...lines));
}

function achieved(corrections, topic, removed) {
  const values = { corrections: text("corrections.count", { count: corrections }), topic, count: Math.abs(removed) };
  if (removed === 0) return text("changes.no-error", values);
  return text(removed > 0 ? "changes.removed" : "changes.added", values);
}

/** Show whose corrections the rest contradict; what stands out is marked in words, too. */
function standings(rows, nameOf) {
  if (!rows.length) return null;
  const cells = rows.map(({ editor, topic, verdicts, contradicted, share, usual, stands_out: standsOut }) => [
    editor ?? text("changes.somebody"),
    topic ? nameOf(topic) : text("changes.all-topics"),
    String(verdicts),
    `${contradicted} (${percent(share)})`,
    percent(usual),
    standsOut ? make("strong", "", text("changes.look")) : "",
  ]);
  const heads = ["editor", "topic", "#verdicts", "#contradicted", "#usual", "look"];
  return section(
    text("changes.contradicted"),
    text("changes.contradicted-hint"),
    table(text("changes.contradicted-table"), heads.map(headText), cells),
  );
}

function words(topics, nameOf) {
  const moved = topics.filter(({ up, down }) => up.length + down.length > 0);
  if (!moved.length) return null;
  const groups = moved.map(({ topic, up, down }) => {
    const few = [...up, ...down].slice(0, 3).map(({ ngram }) => ngram).join(", ");
    const sides = make("div", "words", side("for", text("changes.more"), up), side("against", text("changes.less"), down));
    return make("details", "", make("summary", "", nameOf(topic), " ", make("small", "", few)), sides);
  });
  groups[0].open = true;
  return section(text("changes.words"), text("changes.words-hint"), ...groups);
}

function side(kind, title, all) {
  const items = all.map(({ ngram, served, candidate }) => {
    const weights = make("span", "weight", `${signed(served)} → ${signed(candidate)}`);
    return make("li", "", make("bdi", "", ngram), weights);
  });
  const list = items.length ? make("ul", "", ...items) : make("p", "hint", text("changes.no-words"));
  return make("div", "", make("h3", kind, title), list);
}
