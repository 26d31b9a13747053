// One click on a suggestion adds its tag to the form; nothing is saved before the editor saves.

document.addEventListener("click", (event) => {
  const panel = event.target.closest("[data-tagdesk]");
  const add = event.target.closest("[data-tagdesk-tag]");
  const find = event.target.closest("[data-tagdesk-find]");
  if (panel && add) addTag(panel, add);
  if (panel && find) findTopics(panel, find);
});

function addTag(panel, button) {
  // Wagtail's tag field is a jQuery widget; a tag it has already, or that is one too many, it refuses itself.
  const name = button.dataset.tagdeskTag;
  window.jQuery(document.getElementById(panel.dataset.tagdeskField)).tagit("createTag", name);
  button.disabled = true;
  button.textContent = button.dataset.tagdeskAdded;
}

async function findTopics(panel, button) {
  const topics = panel.querySelector("[data-tagdesk-topics]");
  const trouble = panel.querySelector("[data-tagdesk-trouble]");
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  button.disabled = true;
  trouble.hidden = true;
  try {
    const answer = await fetch(button.dataset.tagdeskFind, { method: "POST", headers: { "X-CSRFToken": token } });
    if (!answer.ok) throw new Error(answer.status);
    topics.innerHTML = await answer.text();
  } catch {
    trouble.hidden = false; // the topics stay in sight, and in the form
  }
  button.disabled = false;
}
