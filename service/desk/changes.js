// The page of what a candidate changed against the served model: what GET /v1/models/{version}/changes says.

import * as api from "./api.js";
import { count, element as make, find, percent, signed } from "./dom.js";
import { interval, twoSides } from "./plot.js";
import { begin, nothing, orNothing, section, table } from "./report.js";

const DECISIONS = {
  promoted: ["✓", "Promoted", "It is as good or better, and answers."],
  refused: ["✕", "Refused", "The model before it goes on."],
  forced: ["!", "Forced", "It answers although the gate refused it."],
};
const UNKNOWN =
  "It is the first of its kind, was trained anew rather than retrained, or its version is mistyped. " +
  "A retraining writes what it changes beside the model.";

const points = (difference) => signed(difference * 100, 1);
const range = ({ low, high }) => `${points(low)} to ${points(high)}`;

find("choosing").addEventListener("submit", (event) => {
  event.preventDefault();
  location.search = new URLSearchParams({ version: find("version").value.trim() });
});

begin(async (model, nameOf) => {
  const version = new URLSearchParams(location.search).get("version")?.trim() || model.version;
  find("version").value = version;
  const found = await orNothing(api.changes(version));
  if (!found) return [nothing(`Nothing is known of what ${version} changed`, UNKNOWN)];
  return [
    head(found),
    found.gate && gate(found.gate, nameOf),
    articles(found, nameOf),
    strongest(found.strongest, nameOf),
    editors(found.editors, nameOf),
    words(found.words, nameOf),
  ];
});

function head({ candidate, served, made }) {
  const when = new Date(made);
  const isDay = !Number.isNaN(when.getTime());
  const day = isDay ? `, ${when.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" })}` : "";
  return make("p", "lead", make("b", "", candidate), " against ", make("b", "", served), day);
}

function gate({ decision, reasons, articles: total, micro_f1: whole, topics }, nameOf) {
  return section("Is it better?", "", banner(decision, reasons), whole && inOne(whole, total), topics && byTopic(topics, nameOf));
}

function banner(decision, reasons) {
  const [mark, title, says] = DECISIONS[decision] ?? ["?", decision, ""];
  const sign = make("span", "mark", mark);
  sign.setAttribute("aria-hidden", "true");
  const list = reasons.length ? make("ul", "", ...reasons.map((reason) => make("li", "", reason))) : null;
  return make("div", `decision ${decision}`, sign, make("p", "", make("strong", "", title), ` ${says}`), list);
}

function inOne(whole, total) {
  const figures = `Micro-F1 ${whole.served.toFixed(3)} → ${whole.candidate.toFixed(3)} on ${count(total, "test article")}: `;
  return make("p", "", figures, make("b", "", `${points(whole.difference)} points`), `, 95\u00a0% interval ${range(whole)}.`);
}

function byTopic(topics, nameOf) {
  const most = Math.max(...topics.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]), 0.01);
  const differences = topics.map((one) => ({ ...one, difference: one.candidate - one.served }));
  const rows = differences.sort((one, other) => one.difference - other.difference).map((one) => [
    nameOf(one.topic),
    one.served.toFixed(3),
    one.candidate.toFixed(3),
    points(one.difference),
    range(one),
    interval(one.low, one.difference, one.high, most),
  ]);
  const heads = ["Topic", "#Served", "#Candidate", "#Points", "#95 % interval", "±worse ← → better"];
  return table("F1 of each topic on the test set", heads, rows);
}

function articles({ source, articles: total, topics }, nameOf) {
  const title = "Topics gained and lost";
  const hint = `On ${count(total, "article")}: ${source === "recent traffic" ? source : `the ${source}`}.`;
  const moved = topics.filter(({ gained, lost }) => gained + lost > 0);
  if (!moved.length) return section(title, `${hint} No article has other topics.`);
  const most = Math.max(...moved.flatMap(({ gained, lost }) => [gained, lost]));
  const rows = moved
    .sort((one, other) => other.gained + other.lost - one.gained - one.lost)
    .map(({ topic, gained, lost }) => [nameOf(topic), String(lost), twoSides(lost, gained, most), String(gained)]);
  const heads = ["Topic", "#Lost", "±lost ← → gained", "#Gained"];
  return section(title, hint, table("Articles that gained or lost a topic", heads, rows));
}

function strongest(found, nameOf) {
  if (!found.length) return null;
  const rows = found.map(({ id, title, topic, change, served, candidate }) => [
    make("bdi", "", title ?? id),
    make("span", `change ${change}`, change === "gained" ? "+ " : "− ", nameOf(topic)),
    percent(served),
    percent(candidate),
  ]);
  const says = "Articles of which the two are furthest apart";
  const heads = ["Article", "Gained or lost", "#Served", "#Candidate"];
  return section("Where it matters most", `${says}.`, table(says, heads, rows));
}

function editors(found, nameOf) {
  if (!found.length) return null;
  const lines = found.map(({ editor, topic, corrections, errors_before: before, errors_after: after }) => {
    const says = `: ${achieved(corrections, nameOf(topic), before - after)}`;
    return make("li", "", make("b", "", editor ?? "Somebody"), says, make("small", "", ` ${before} before, ${after} after`));
  });
  const hint = "Errors among the corrected articles, before and after.";
  return section("What corrections achieved", hint, make("ul", "achieved", ...lines));
}

function achieved(corrections, topic, removed) {
  const given = `${count(corrections, "correction")} to ${topic}`;
  if (removed === 0) return `${given} changed no error.`;
  return `${given} ${removed > 0 ? "removed" : "added"} ${count(Math.abs(removed), "error")}.`;
}

function words(found, nameOf) {
  const moved = found.filter(({ up, down }) => up.length + down.length > 0);
  if (!moved.length) return null;
  const groups = moved.map(({ topic, up, down }) => {
    const few = [...up, ...down].slice(0, 3).map(({ ngram }) => ngram).join(", ");
    const sides = make("div", "words", side("for", "Weigh more", up), side("against", "Weigh less", down));
    return make("details", "", make("summary", "", nameOf(topic), " ", make("small", "", few)), sides);
  });
  groups[0].open = true;
  return section("Words that moved", "Those whose weight moved most, topic by topic: served → candidate.", ...groups);
}

function side(kind, title, all) {
  const items = all.map(({ ngram, served, candidate }) => {
    const weights = make("span", "weight", `${signed(served)} → ${signed(candidate)}`);
    return make("li", "", make("bdi", "", ngram), weights);
  });
  const list = items.length ? make("ul", "", ...items) : make("p", "hint", "none");
  return make("div", "", make("h3", kind, title), list);
}
