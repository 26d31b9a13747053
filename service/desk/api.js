// What the desk asks of the service, and what went wrong in plain words.

const PLAIN = {
  "empty-article": "There are no words in this article. Paste its text and try again.",
  "article-too-long": "The article is longer than the service reads. Shorten it and try again.",
  "request-too-large": "The article is larger than the service accepts. Paste its text without the page around it.",
  "missing-scope": "Your key may not do this. Ask whoever runs the service for one with the scope feedback.",
  "too-many-requests": "That was too fast for the service. Wait a second and try again.",
  "too-busy": "The service is busy. Wait a second and try again.",
  "not-ready": "The service is starting. Try again in a few seconds.",
  "internal-error": "Something broke in the service; its log says what. Your article is still here.",
};

export const UNREADABLE = "unreadable";

/**
 * A request that got no good answer; `kind` is the last part of the problem's type, "" where none answered.
 * Or, of the kind UNREADABLE, something that is no article: asking again does not help.
 */
export class Trouble extends Error {
  constructor(kind, title, detail) {
    super(detail);
    this.kind = kind;
    this.title = title;
  }
}

/** Ask the service; return what it answers, or throw a Trouble. */
export async function ask(path, { method = "GET", body, headers = {} } = {}) {
  const request = { method, headers: { "X-Tagdesk-Desk": "1", ...headers }, credentials: "same-origin" };
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, request);
  } catch {
    throw new Trouble("", "The service does not answer.", "Is it running, and are you online? Your article is still here.");
  }
  const value = await answer.json().catch(() => ({}));
  if (answer.ok) return value;
  const kind = String(value.type ?? "").split("/").pop();
  throw new Trouble(kind, `${value.title ?? `Error ${answer.status}`}.`, PLAIN[kind] ?? value.detail ?? "");
}

export const signIn = (key) =>
  ask("/desk/session", { method: "POST", headers: { Authorization: `Bearer ${key}` } });
export const signOut = () => ask("/desk/session", { method: "DELETE" });
export const session = () => ask("/desk/session");

export const changes = (version) => ask(`/v1/models/${encodeURIComponent(version)}/changes`);
export const drift = (weeks) => ask(`/v1/drift?weeks=${weeks}`);

export const topics = () => ask("/v1/topics");
export const manifest = () => ask("/v1/model");

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

export const next = (after) => ask(`/v1/queue/next${after ? `?after=${encodeURIComponent(after)}` : ""}`);
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
