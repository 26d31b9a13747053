// Add a topic by typing: a combobox with a list, as the ARIA Authoring Practices describe it.

/**
 * Make an input a combobox.
 * @param input, list the elements
 * @param matches text → [{id, name, detail}]
 * @param choose called with the id
 */
export function combobox(input, list, matches, choose) {
  let active = -1;

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
    const found = matches(input.value.trim().toLowerCase());
    list.replaceChildren(...found.map(option));
    if (!found.length) return close();
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    activate(0);
  };
  const take = (id) => {
    input.value = "";
    close();
    choose(id);
  };

  function option({ id, name, detail }) {
    const made = document.createElement("li");
    made.role = "option";
    made.id = `match-${id}`;
    made.dataset.id = id;
    const small = document.createElement("small");
    small.textContent = detail;
    made.append(name, small);
    made.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the input keeps the focus
      take(id);
    });
    return made;
  }

  input.addEventListener("input", open);
  input.addEventListener("focus", () => input.value && open());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") list.hidden ? open() : activate(active + 1);
    else if (event.key === "ArrowUp") list.hidden ? open() : activate(active - 1);
    else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && active >= 0) take(list.children[active].dataset.id);
    else if (event.key === "Escape") list.hidden ? input.blur() : close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
