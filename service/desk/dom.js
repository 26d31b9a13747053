// Elements: found, and made.

export const find = (id) => document.getElementById(id);

/** Return a new element; what is given after its class are its texts and children. */
export function element(tag, className = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

/** Return a button with a text. */
export function button(className, says, onClick) {
  const made = element("button", className, says);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

/** Return something of a kind of its own to a screen reader: out of sight, and not looked at by it. */
export function silent(tag, className, ...children) {
  const made = element(tag, className, ...children);
  made.ariaHidden = "true";
  return made;
}
