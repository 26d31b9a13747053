// Adding a topic by typing its name or code; a name that no topic has can be noted as missing.

import { combobox } from "./combobox.js";
import { add, addMissing } from "./deciding.js";
import { find } from "./dom.js";
import { text } from "./language.js";
import { desk, known } from "./state.js";
import { codesOf } from "./topics.js";

const MOST_OFFERED = 50; // of thousands of topics a letter would list hundreds
const MOST_MISSING = 10; // and the longest name is in the page
const SHORTEST_NAME = 2; // AI, G7

/** Make the box that adds topics work. */
export const letAdd = () => combobox(find("add"), find("matches"), choices);

/** Return 0 for the topic of that name, id or code, 1 for one whose name begins so, 2 for the rest. */
function rank(topic, typed) {
  const names = [topic.name, topic.id, ...codesOf(topic)].map((name) => name.toLowerCase());
  return names.includes(typed) ? 0 : names[0].startsWith(typed) ? 1 : 2;
}

const isCode = (typed) => /[\d:]/.test(typed);

/** Tell whether a topic's name has a text, or its code, where the text looks like one. */
function matches(topic, typed) {
  const codes = isCode(typed) ? codesOf(topic) : [];
  return [topic.id, topic.name, ...codes].some((name) => name.toLowerCase().includes(typed));
}

function choice(topic, typed) {
  const detail = isCode(typed) ? codesOf(topic).join(" ") : topic.description || known.topics.get(topic.parent)?.name;
  return { id: topic.id, name: topic.name, detail, take: () => add(topic.id) };
}

function choices(value) {
  const typed = value.toLowerCase();
  const { decision } = desk.current;
  const all = [...known.topics.values()];
  const found = all
    .filter((topic) => !decision.state.accepted.includes(topic.id) && matches(topic, typed))
    .sort((one, other) => rank(one, typed) - rank(other, typed))
    .slice(0, MOST_OFFERED)
    .map((topic) => choice(topic, typed));
  const isName = typed.length >= SHORTEST_NAME && /\p{L}/u.test(typed) && !typed.includes(":");
  const isThere = all.some(({ name }) => name.toLowerCase() === typed);
  if (!isName || isThere || decision.state.missing.length >= MOST_MISSING) return found;
  const name = text("missing.say", { name: value });
  return [...found, { id: "", name, detail: "", take: () => addMissing(value) }];
}
