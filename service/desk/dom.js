// Small things that all pages of the desk use: elements, numbers, counts.

export const find = (id) => document.getElementById(id);

/** Return a new element; what is given after its class are its texts and children. */
export function element(tag, className = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

export const percent = (share) => `${Math.round(share * 100)}\u00a0%`;
export const signed = (value, digits = 2) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
export const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

/** Say how old a model is. */
export function age(trained) {
  const days = Math.floor((Date.now() - Date.parse(trained)) / 86_400_000);
  if (Number.isNaN(days)) return "";
  if (days < 1) return " · trained today";
  return ` · trained ${days === 1 ? "yesterday" : `${days.toLocaleString("en")} days ago`}`;
}
