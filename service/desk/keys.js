// Keys: what each does, and when letters count as keys.

const STORED = "tagdesk-letters";

/** Listen for keys: `[{key, also, label, says, run}]`; `key` is `event.key` in lower case, "ctrl+enter" with Ctrl or ⌘. */
export function listen(keys, { list, dialog, letters }) {
  list.replaceChildren(...keys.map(row));
  letters.checked = localStorage.getItem(STORED) !== "off";
  letters.addEventListener("change", () => localStorage.setItem(STORED, letters.checked ? "on" : "off"));

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
    const name = (event.ctrlKey || event.metaKey ? "ctrl+" : "") + event.key.toLowerCase();
    const found = keys.find((key) => key.key === name || key.also === name);
    if (!found) return;
    const isLetter = name.length === 1 && name !== " ";
    if (inTextField(event.target) && name !== "ctrl+enter") return; // Ctrl+Z there is the field's own
    if (isLetter && !letters.checked) return;
    if (found.run(event) !== false) event.preventDefault();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

function inTextField(element) {
  return element.matches("textarea, select, input:not([type=checkbox])");
}

function row({ label, says }) {
  const made = document.createElement("tr");
  const key = document.createElement("th");
  key.scope = "row";
  for (const one of label.split(" ")) {
    const kbd = document.createElement("kbd");
    kbd.textContent = one;
    key.append(kbd, " ");
  }
  const meaning = document.createElement("td");
  meaning.textContent = says;
  made.append(key, meaning);
  return made;
}
