// The desk's language: its texts by key, its numbers and its days. What another language lacks is said in English.

import english from "./languages/en.js";

const LANGUAGES = { en: { name: "English", locale: "en-GB" }, de: { name: "Deutsch", locale: "de" } };
const STORED = "tagdesk-language";

/** The code of the language: the one chosen here, else the first of the browser's that there is. */
export const language = chosen();
/** What dates and numbers are written by. */
export const { locale } = LANGUAGES[language];
const texts = language === "en" ? english : await load(language);
const plurals = new Intl.PluralRules(locale);

function chosen() {
  const wanted = [localStorage.getItem(STORED), ...navigator.languages.map((tag) => tag.split("-")[0])];
  return wanted.find((code) => Object.hasOwn(LANGUAGES, code)) ?? "en";
}

async function load(code) {
  return (await import(`./languages/${code}.js`).catch(() => ({}))).default ?? english;
}

/** Return a text; values stand where its template names them, and `count` chooses between singular and plural. */
export const text = (key, values) => parts(key, values).join("");

/** The same as a list of strings and, where values are elements, elements. */
export function parts(key, values = {}) {
  let template = texts[key] ?? english[key] ?? key;
  if (typeof template === "object") template = template[plurals.select(values.count)] ?? template.other;
  return template.split(/\{(\w+)\}/).map((part, at) => (at % 2 ? shown(values[part]) : part));
}

/** Tell whether there is a text for a key. */
export const has = (key) => Object.hasOwn(english, key);

const shown = (value) => (typeof value === "number" ? whole(value) : value);

/** Return a whole number in the language's digits. */
export const whole = (value) => value.toLocaleString(locale);

/** Return a number with so many digits after the point, or comma. */
export const decimal = (value, digits) =>
  value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Return a number with its sign. */
export const signed = (value, digits = 2) => `${value < 0 ? "−" : "+"}${decimal(Math.abs(value), digits)}`;

/** Return a share as per cent; only what is all, or nothing, is called so. */
export function percent(share) {
  const rounded = Math.round(share * 100);
  if (rounded === 100 && share < 1) return ">99\u00a0%";
  if (rounded === 0 && share > 0) return "<1\u00a0%";
  return `${rounded}\u00a0%`;
}

/** Return texts as an enumeration. */
export const list = (all) => new Intl.ListFormat(locale, { type: "unit" }).format(all);

/** Return how old a model is, in words; "" where it is not known. */
export function age(trained) {
  const days = Math.floor((Date.now() - Date.parse(trained)) / 86_400_000);
  if (Number.isNaN(days)) return "";
  return text("model.trained", { when: new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(-days, "day") });
}

/** Write the texts of a page where its elements ask for them, and let its choice of a language work. */
export function translate() {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-text]")) {
    const slots = [...one.children].filter((child) => child.dataset.slot).map((child) => [child.dataset.slot, child]);
    one.replaceChildren(...parts(one.dataset.text, Object.fromEntries(slots)));
  }
  for (const one of document.querySelectorAll("[data-label]")) one.ariaLabel = text(one.dataset.label);
  for (const one of document.querySelectorAll("[data-placeholder]")) one.placeholder = text(one.dataset.placeholder);
  const choice = document.getElementById("language");
  const option = ([code, { name }]) => new Option(name, code, false, code === language);
  choice.replaceChildren(...Object.entries(LANGUAGES).map(option));
  choice.addEventListener("change", () => {
    localStorage.setItem(STORED, choice.value);
    location.reload();
  });
}
