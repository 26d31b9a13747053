// What the desk asks of the service, and what went wrong in plain words.

import { has, text } from "./language.js";

/** A request that got no good answer. */
export class Trouble extends Error {
  /**
   * @param kind the last part of the problem's type, or one of the desk's own; where there is a text for it, it is shown
   * @param said `{title, detail, isPassing}`: what the service says, and whether asking again may help
   */
  constructor(kind, { title = "", detail = "", isPassing = false } = {}) {
    super(has(`trouble.${kind}.remedy`) ? text(`trouble.${kind}.remedy`) : detail);
    this.kind = kind;
    this.title = has(`trouble.${kind}`) ? text(`trouble.${kind}`) : title;
    this.isPassing = isPassing;
  }
}

const PATIENCE = 30_000; // milliseconds after which a service that says nothing does not answer

/** Ask the service; return what it answers, or throw a Trouble. */
export async function ask(path, { method = "GET", body, headers = {} } = {}) {
  const signal = AbortSignal.timeout(PATIENCE);
  const request = { method, headers: { ...headers }, credentials: "same-origin", signal };
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let answer;
  let value = {};
  try {
    answer = await fetch(path, request);
    value = await answer.json();
  } catch {
    // An answer that breaks off, or that is not the service's, is none.
    if (!answer || answer.ok) throw new Trouble("no-answer", { isPassing: true });
  }
  if (answer.ok) return value;
  const { status } = answer;
  throw new Trouble(String(value.type ?? "").split("/").pop(), {
    title: `${value.title ?? text("trouble.status", { status })}.`,
    detail: value.detail,
    isPassing: status >= 500 || status === 408 || status === 429,
  });
}

export const signIn = (key) =>
  ask("/desk/session", { method: "POST", headers: { Authorization: `Bearer ${key}` } });
export const signOut = () => ask("/desk/session", { method: "DELETE" });
export const session = () => ask("/desk/session");

export const languages = () => ask("/v1/languages");

// What follows is about one model; its name is the last argument.
const asked = (path, asking) => `${path}?${new URLSearchParams(asking)}`;
const ofVersion = (version, what, model) => asked(`/v1/models/${encodeURIComponent(version)}/${what}`, { model });
export const candidates = (model) => ask(asked("/v1/changes", { model }));
export const changes = (version, model) => ask(ofVersion(version, "changes", model));
export const publish = (version, model) => ask(ofVersion(version, "activate", model), { method: "POST" });
export const rollBack = (model) => ask(asked("/v1/models/rollback", { model }), { method: "POST" });
export const drift = (weeks, model) => ask(asked("/v1/drift", { weeks, model }));
export const topics = (model) => ask(asked("/v1/topics", { model }));
export const manifest = (model) => ask(asked("/v1/model", { model }));

/** Tag an article, with the evidence of what is given; one too long to explain is tagged all the same. */
export async function tag(article) {
  try {
    return await ask("/v1/tag?explain=all", { method: "POST", body: article });
  } catch (trouble) {
    if (trouble.kind !== "article-too-long") throw trouble;
    const answer = await ask("/v1/tag", { method: "POST", body: article });
    answer.warnings.push("not-explained");
    return answer;
  }
}

/** Return one topic of an article with its evidence, whether or not it is given. */
export async function explain(article, id) {
  const { topics: given, below } = await ask(`/v1/tag?explain=${encodeURIComponent(id)}`, { method: "POST", body: article });
  return [...given, ...below].find((topic) => topic.id === id);
}

/** Take an article of the queue: the wanted one, else the next one; the one that it comes after is given back. */
function fromQueue(asked) {
  const query = new URLSearchParams(Object.entries(asked).filter(([, id]) => id));
  return ask(`/v1/queue/next?${query}`);
}
export const next = (after) => fromQueue({ after });
export const take = (id, after) => fromQueue({ id, after });
export const queue = () => ask("/v1/queue");
export const correct = (correction) => ask("/v1/feedback", { method: "POST", body: correction });

/** Return the counts of today, as it is here. */
export function counts() {
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  return ask(`/v1/feedback/counts?since=${encodeURIComponent(midnight.toISOString())}`);
}

/** Return an id that nobody else makes; crypto.randomUUID is missing where the page came without TLS. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
