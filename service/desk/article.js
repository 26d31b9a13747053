// An article: read from what is pasted or dropped, and shown as text, never as markup.

import { Trouble } from "./api.js";

const LARGEST = 4_000_000; // bytes
const LOOKS_LIKE_HTML = /<(?:!doctype|html|body|article|section|div|p|br|h[1-6]|ul|ol|li|table|blockquote)\b[^<>]*>/i;
const HEADING = /<h1\b/i;
const UNREAD = "script|style|head|template|noscript|svg|textarea";
const BLOCK = /^<\/?(p|div|h[1-6]|li|ul|ol|br|hr|blockquote|tr|table|section|article|header|footer|figure|figcaption|aside|main|nav|pre|dt|dd)\b/i;
const KINDS = { li: "item", h1: "heading", h2: "heading", h3: "heading", h4: "heading", h5: "heading", h6: "heading" };
// What does not end goes on to the end of the text: no part of it is read twice, however hostile it is.
const TOKEN = new RegExp(
  `<!--[^]*?(?:-->|$)|<(${UNREAD})\\b[^]*?(?:</\\1\\s*>|$)|<(?=[a-z/!?])[^>]*(?:>|$)|&(?:#\\d{1,7}|#x[\\da-f]{1,6}|[a-z][a-z\\d]{1,31});|[^<&]+|[<&]`,
  "gi",
);

// A parsed document runs nothing and loads nothing; only its text is used.
const inert = window.trustedTypes?.createPolicy("tagdesk-inert", { createHTML: (html) => html });
const parse = (html) => new DOMParser().parseFromString(inert ? inert.createHTML(html) : html, "text/html");

const codePoints = (text) => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

/** Return the article of two fields, as the service takes it. */
export function fromFields(title, body) {
  return { title, [LOOKS_LIKE_HTML.test(body) ? "body_html" : "body"]: body };
}

/** Tell whether a text is HTML that has its title in it. */
export const hasTitle = (text) => HEADING.test(text);

/** Return title and body of a file's text; what becomes the title is not in the body too. */
export function fromText(text) {
  if (LOOKS_LIKE_HTML.test(text)) {
    const page = parse(text);
    const title = page.querySelector("h1")?.textContent || page.title;
    return { title: title.replace(/\s+/g, " ").trim(), body: withoutHeading(text) };
  }
  const [first, ...rest] = text.trimStart().split(/\r?\n\s*\r?\n/);
  const isTitle = rest.length > 0 && first.length <= 200 && !/[\r\n]/.test(first);
  return isTitle ? { title: first.trim(), body: rest.join("\n\n") } : { title: "", body: text };
}

function withoutHeading(html) {
  const start = html.search(HEADING);
  if (start < 0) return html;
  const rest = html.slice(start);
  const end = rest.match(/<\/h1\s*>/i);
  return end ? html.slice(0, start) + rest.slice(end.index + end[0].length) : html;
}

/** Return what was dropped or chosen as title and body; throws a Trouble where it cannot be read. */
export async function fromTransfer(transfer) {
  const { files } = transfer;
  if (!files.length) {
    const text = transfer.getData("text/plain") || transfer.getData("text/html");
    if (!text.trim()) throw new Trouble("no-text");
    return fromText(text);
  }
  const file = files[0];
  if (files.length > 1) throw new Trouble("several-files");
  if (!/\.(txt|html?)$/i.test(file.name)) throw new Trouble("unreadable-file");
  if (file.size > LARGEST) throw new Trouble("large-file");
  return fromText(await file.text());
}

/**
 * Show an article; return its text nodes, each with where its text is in the article as it was sent:
 * `{node, field, start, end}` in code points.
 */
export function show(article, into) {
  const title = document.createElement("h3");
  title.dir = "auto";
  const runs = append(title, [{ text: article.title ?? "", start: 0 }], "title");
  const shown = document.createDocumentFragment();
  if (article.title) shown.append(title);
  const isHtml = article.body_html != null;
  for (const block of isHtml ? htmlBlocks(article.body_html) : textBlocks(article.body ?? "")) {
    const paragraph = document.createElement("p");
    paragraph.dir = "auto";
    paragraph.className = KINDS[block.tag] ?? "";
    runs.push(...append(paragraph, block, isHtml ? "body_html" : "body"));
    shown.append(paragraph);
  }
  into.classList.toggle("markup", isHtml);
  into.replaceChildren(shown);
  into.scrollTop = 0;
  return runs;
}

function append(paragraph, block, field) {
  return block.map(({ text, start, end }) => {
    const node = document.createTextNode(text);
    paragraph.append(node);
    return { node, field, start, end: end ?? start + codePoints(text), whole: end !== undefined };
  });
}

function* textBlocks(text) {
  let start = 0;
  for (const line of text.split(/(\r?\n)/)) {
    if (line.trim()) yield [{ text: line, start }];
    start += codePoints(line);
  }
}

/** Return what a block is: a paragraph that a list's item begins with is that item. */
function kindOf(token, tag, before) {
  if (token[1] === "/") return "";
  return KINDS[before.tag] && !before.length ? before.tag : tag;
}

function* htmlBlocks(source) {
  let block = [];
  let start = 0;
  for (const [token] of source.matchAll(TOKEN)) {
    const end = start + codePoints(token);
    if (token[0] === "<" && token.length > 1) {
      const tag = token.match(BLOCK)?.[1].toLowerCase();
      if (tag && block.length) yield block;
      if (tag) block = Object.assign([], { tag: kindOf(token, tag, block) });
    } else if (token[0] === "&" && token.length > 1) {
      block.push({ text: parse(token).body.textContent, start, end });
    } else if (block.length || token.trim()) {
      block.push({ text: token, start });
    }
    start = end;
  }
  if (block.length) yield block;
}
