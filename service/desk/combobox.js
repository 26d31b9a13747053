// Add a topic by typing: a combobox with a list, as the ARIA Authoring Practices describe it.

import { element } from "./dom.js";

/**
 * Make an input a combobox.
 * @param input, list the elements
 * @param choices text → [{id, name, detail, take}]; `take` is called when it is chosen
 */
export function combobox(input, list, choices) {
  let active = -1;
  let offered = [];

  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const activate = (to) => {
    const options = list.children;
    if (!options.length) return;
    active = (to + options.length) % options.length;
    for (const [at, option] of [...options].entries()) option.setAttribute("aria-selected", String(at === active));
    options[active].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[active].id);
  };
  const open = () => {
    offered = choices(input.value.trim());
    list.replaceChildren(...offered.map(option));
    if (!offered.length) return close();
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    activate(0);
  };
  const take = (choice) => {
    input.value = "";
    close();
    choice.take();
  };

  function option(choice) {
    const made = element("li", "", element("span", "", choice.name), element("small", "", choice.detail));
    made.role = "option";
    made.id = `match-${choice.id}`;
    made.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the input keeps the focus
      take(choice);
    });
    return made;
  }

  input.addEventListener("input", open);
  input.addEventListener("focus", () => input.value && open());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") list.hidden ? open() : activate(active + 1);
    else if (event.key === "ArrowUp") list.hidden ? open() : activate(active - 1);
    else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && active >= 0) take(offered[active]);
    else if (event.key === "Escape") list.hidden ? input.blur() : close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
