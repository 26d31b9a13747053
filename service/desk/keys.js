// Keys: what each does, and when letters count as keys.

import { element } from "./dom.js";
import { has, text } from "./language.js";

const STORED = "tagdesk-letters";
const IN_FIELDS = ["ctrl+enter", "escape"]; // Ctrl+Z there is the field's own

/**
 * Listen for keys.
 * @param keys `[{key, also, label, says, run}]`: `key` is `event.key` in lower case, "ctrl+enter" with Ctrl or ⌘; `says`
 *   the last part of the text's key
 * @param where the elements: the list of keys, its dialog, the box that turns letters off
 */
export function listen(keys, { list, dialog, letters }) {
  list.replaceChildren(...keys.map(row));
  letters.checked = localStorage.getItem(STORED) !== "off";
  letters.addEventListener("change", () => localStorage.setItem(STORED, letters.checked ? "on" : "off"));

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
    const name = (event.ctrlKey || event.metaKey ? "ctrl+" : "") + event.key.toLowerCase();
    const pressed = keys.find(({ key, also }) => key === name || also === name);
    if (!pressed) return;
    const isLetter = name.length === 1 && name !== " ";
    if (inTextField(event.target) && !IN_FIELDS.includes(name)) return;
    if (isLetter && !letters.checked) return;
    if (pressed.run(event) !== false) event.preventDefault();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

const inTextField = (target) => target.matches("textarea, select, input:not([type=checkbox])");

function row({ label, says }) {
  const keys = label.split(" ").flatMap((part) => {
    const name = `key.${part.toLowerCase()}`;
    return [element("kbd", "", has(name) ? text(name) : part), " "];
  });
  const head = element("th", "", ...keys);
  head.scope = "row";
  return element("tr", "", head, element("td", "", text(`does.${says}`)));
}
