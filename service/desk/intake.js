// How an article comes in besides typing: a file, something dropped, something pasted.

import { fromText, hasTitle } from "./article.js";
import { find } from "./dom.js";

/**
 * Listen for articles.
 * @param take called with the files or the text of something chosen, dropped or pasted
 * @param write called with `{title, body}` that was pasted
 */
export function listenForArticles(take, write) {
  find("file").addEventListener("change", async (event) => {
    await take(event.target);
    event.target.value = "";
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    find("drop").hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) find("drop").hidden = true;
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    find("drop").hidden = true;
    take(event.dataTransfer);
  });
  document.addEventListener("paste", (event) => {
    const { clipboardData } = event;
    const article = clipboardText(clipboardData);
    const isFile = clipboardData.files.length > 0 && !article;
    if (event.target.closest("dialog")) return;
    if (!isFile && event.target.closest("input, textarea") && !isWholePage(event.target, article)) return;
    if (!isFile && !article.trim()) return;
    event.preventDefault();
    if (isFile) take(clipboardData);
    else write(fromText(article));
  });
}

/** Return what was copied, as HTML where that has the title that plain text would lose. */
function clipboardText(clipboardData) {
  const html = clipboardData.getData("text/html");
  return hasTitle(html) ? html : clipboardData.getData("text/plain");
}

/** Tell whether something pasted into the body is an article with its title, and nothing is written yet. */
const isWholePage = (field, text) => field.id === "body" && !field.value && !find("title").value && hasTitle(text);
