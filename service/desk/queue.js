// The queue: how many articles wait, a list of them, and any one of them opened.

import * as api from "./api.js";
import { button, element, find } from "./dom.js";
import { locale, text, whole } from "./language.js";
import { takeThis } from "./opening.js";
import { say } from "./showing.js";
import { attempt, once } from "./trouble.js";

/** Show how many articles wait, and how much was done today. */
export async function showCounts() {
  const { own, all, waiting } = await api.counts().catch(() => ({}));
  if (!all) return;
  const { articles, corrections } = find("editor").hidden ? all : own;
  find("today").textContent = text("today", {
    articles: text("articles.count", { count: articles }),
    corrections: text("corrections.count", { count: corrections }),
  });
  find("show-queue").hidden = false;
  for (const place of document.querySelectorAll(".waiting")) place.textContent = waiting ? whole(waiting) : "";
}

/** Show the list. */
export const showQueue = () => attempt(async () => {
  const { waiting, taken, articles } = await api.queue();
  const counts = text("queue.waiting", { count: waiting });
  find("queue-counts").textContent = taken ? `${counts} ${text("queue.taken-count", { count: taken })}` : counts;
  find("queue-list").replaceChildren(...articles.map(row));
  find("queue-more").hidden = articles.length >= waiting;
  find("queue-more").textContent = text("queue.more", { count: articles.length });
  if (!find("queue").open) find("queue").showModal();
});

function row({ id, title, queued, taken_by: editor }) {
  const isMine = editor === find("editor-name").textContent;
  const isOthers = Boolean(editor) && !isMine;
  const when = new Date(queued).toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });
  const says = isOthers ? text("queue.with", { editor }) : text(editor ? "queue.with-you" : "queue.since", { when });
  const made = button("", element("bdi", "", title || id), () => once(() => openOne(id)));
  made.append(element("small", "", says));
  made.disabled = isOthers;
  return element("li", "", made);
}

async function openOne(id) {
  find("queue").close();
  try {
    await takeThis(id);
  } catch (error) {
    if (error.kind !== "not-found") throw error;
    say(text("queue.gone"));
  }
}
