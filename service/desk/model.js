// Which model answers, and how old it is, in the head of every page; and what the desk has to know of it.

import * as api from "./api.js";
import { element, find } from "./dom.js";
import { age } from "./language.js";
import { known } from "./state.js";

/** Return the name of a model, of its name and version. */
export const nameOf = (model) => model.split("@")[0];

/** Show a model by its manifest. */
export function showModel({ name, version, trained }) {
  const old = age(trained);
  const parts = [`${name}@${version}`, old && `· ${old}`].filter(Boolean);
  find("model").replaceChildren(...parts.flatMap((part) => [element("span", "", part), " "]));
  find("model").title = parts.join(" ");
}

/** Ask for the topics and the manifest of a model that answered, unless the desk knows them already. */
export async function describe(model) {
  if (model === known.model) return null;
  const name = nameOf(model);
  const [{ topics }, manifest] = await Promise.all([api.topics(name), api.manifest(name)]);
  return { model, topics, manifest };
}

/** Go by what `describe` brought. */
export function know(described) {
  if (!described) return;
  const { model, topics, manifest } = described;
  known.model = model;
  known.topics = new Map(topics.map((topic) => [topic.id, topic]));
  known.calibration = manifest.calibration ?? {};
  showModel(manifest);
}
