// The desk: paste an article, see its topics, choose one and see the words that speak for it.

const find = (id) => document.getElementById(id);
const words = { auto: "sure", suggest: "likely" };

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

async function showModel() {
  const answer = await fetch("/v1/model");
  if (answer.ok) {
    const model = await answer.json();
    find("model").textContent = `${model.name}@${model.version}`;
  }
}

async function tag(article) {
  const answer = await fetch("/v1/tag?explain=true", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(article),
  });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.detail || found.title);
  return found;
}

function topicButton(topic, article) {
  const button = element("button");
  button.type = "button";
  button.setAttribute("aria-pressed", "false");
  const percent = `${Math.round(topic.confidence * 100)} %`;
  button.append(
    element("strong", "", topic.name),
    element("span", "", `${words[topic.band]}, ${percent}`),
    element("span", "code", topic.qcodes.join(" ")),
  );
  const bar = element("span", "bar");
  const filled = element("i");
  filled.style.width = `${topic.confidence * 100}%`;
  bar.append(filled);
  button.append(bar);
  button.addEventListener("click", () => choose(button, topic, article));
  return button;
}

function listItem(child) {
  const item = element("li");
  item.append(child);
  return item;
}

function choose(button, topic, article) {
  for (const other of find("topics").querySelectorAll("button")) {
    other.setAttribute("aria-pressed", String(other === button));
  }
  const heading = element("h3");
  heading.append(marked(article.title, topic, "title"));
  find("text").replaceChildren(heading, marked(article.body, topic, "body"));
  find("reading").hidden = false;
}

// Offsets count code points, a JavaScript string counts UTF-16 units: Array.from splits by code point.
// Words weaker than a tenth of the strongest are left unmarked, or every "the" would glow.
function marked(text, topic, field) {
  const points = Array.from(text);
  const weight = new Float64Array(points.length);
  for (const one of topic.evidence) {
    if (one.field !== field) continue;
    for (let at = one.start; at < one.end; at++) weight[at] += one.weight / (one.end - one.start);
  }
  const strongest = Math.max(...topic.evidence.map((one) => Math.abs(one.weight) / (one.end - one.start)));
  const shown = document.createDocumentFragment();
  for (let start = 0; start < points.length; ) {
    let end = start + 1;
    while (end < points.length && weight[end] === weight[start]) end++;
    const run = points.slice(start, end).join("");
    const strength = Math.abs(weight[start]) / strongest;
    shown.append(strength < 0.1 ? run : mark(run, weight[start] > 0, Math.min(strength, 1)));
    start = end;
  }
  return shown;
}

function mark(text, speaksFor, strength) {
  const made = element("mark", speaksFor ? "for" : "against", text);
  made.style.setProperty("--strength", `${Math.round(20 + 80 * strength)}%`);
  return made;
}

find("article").addEventListener("submit", async (event) => {
  event.preventDefault();
  const article = { title: find("title").value, body: find("body").value };
  const status = find("status");
  status.textContent = "Reading …";
  try {
    const { topics, warnings } = await tag(article);
    find("topics").replaceChildren(...topics.map((topic) => listItem(topicButton(topic, article))));
    find("reading").hidden = true;
    status.textContent = topics.length ? warnings.join(", ") : "No topic reaches its cut-off.";
    find("topics").querySelector("button")?.click();
  } catch (error) {
    find("topics").replaceChildren();
    find("reading").hidden = true;
    status.textContent = error.message;
  }
});

showModel();
