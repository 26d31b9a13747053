// How an article comes in besides typing: a file, something dropped, something pasted beside the fields.

import { fromText, fromTransfer } from "./article.js";
import { find } from "./dom.js";

/**
 * Listen for articles.
 * @param take called with what reads `{title, body}` of a file or of something dropped
 * @param write called with `{title, body}` that was pasted
 */
export function listenForArticles(take, write) {
  find("file").addEventListener("change", async (event) => {
    await take(() => fromTransfer(event.target));
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
    take(() => fromTransfer(event.dataTransfer));
  });
  document.addEventListener("paste", (event) => {
    const { clipboardData } = event;
    const text = clipboardData.getData("text/plain");
    const isFile = clipboardData.files.length > 0 && !text;
    if (event.target.closest("dialog") || (!isFile && event.target.closest("input:not([type=checkbox]), textarea"))) return;
    if (!isFile && !text.trim()) return;
    event.preventDefault();
    if (isFile) take(() => fromTransfer(clipboardData));
    else write(fromText(text));
  });
}
