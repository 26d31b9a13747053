// What an editor decides on one article: which topics are right, step by step.

/** A decision begins with the topics that are sure; what is likely is the editor's to take. */
export class Decision {
  constructor(topics) {
    this.given = topics.map((topic) => topic.id);
    this.chosen = new Set(topics.filter((topic) => topic.band === "auto").map((topic) => topic.id));
    this.added = [];
    this.steps = [];
  }

  /** Tell whether a topic stands in the article's list. */
  has(id) {
    return this.given.includes(id) || this.added.includes(id);
  }

  get allAccepted() {
    return this.given.every((id) => this.chosen.has(id));
  }

  toggle(id) {
    this.#remember();
    if (!this.chosen.delete(id)) this.chosen.add(id);
  }

  add(id) {
    this.#remember();
    this.chosen.add(id);
    if (!this.has(id)) this.added.push(id);
  }

  acceptAll() {
    this.#remember();
    for (const id of this.given) this.chosen.add(id);
  }

  undo() {
    Object.assign(this, this.steps.pop());
  }

  /** Return what the ledger keeps. */
  verdict() {
    return {
      accepted: this.given.filter((id) => this.chosen.has(id)),
      rejected: this.given.filter((id) => !this.chosen.has(id)),
      added: this.added.filter((id) => this.chosen.has(id)),
    };
  }

  #remember() {
    this.steps.push({ chosen: new Set(this.chosen), added: [...this.added] });
  }
}
