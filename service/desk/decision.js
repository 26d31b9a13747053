// What an editor decides on one article, step by step. A topic that nobody looked at is not judged.

export const ACCEPTED = "accepted";
export const REJECTED = "rejected";
export const NOT_JUDGED = "not-judged";

const NOTHING = { accepted: [], rejected: [], missing: [], complete: false };

/** The verdicts on an article's topics. Each state is made anew and never changed, so that undo is one step back. */
export class Decision {
  /**
   * @param topics those that the model gave
   * @param state what was decided on the article before
   */
  constructor(topics, state = NOTHING) {
    this.given = topics.map((topic) => topic.id);
    this.state = state;
    this.steps = [];
  }

  /** The topics that an editor put there. */
  get added() {
    return this.state.accepted.filter((id) => !this.given.includes(id));
  }

  /** Tell whether a topic stands in the article's list. */
  has(id) {
    return this.given.includes(id) || this.state.accepted.includes(id);
  }

  /** Return what was decided on a topic. */
  of(id) {
    const { accepted, rejected, complete } = this.state;
    if (accepted.includes(id)) return ACCEPTED;
    return this.given.includes(id) && (complete || rejected.includes(id)) ? REJECTED : NOT_JUDGED;
  }

  /** Return the topics in the article's list that have a verdict. */
  all(verdict) {
    return [...this.given, ...this.added].filter((id) => this.of(id) === verdict);
  }

  /** Whether anything was judged or said to be missing. */
  get isEmpty() {
    const { accepted, rejected, missing, complete } = this.state;
    return !complete && accepted.length + rejected.length + missing.length === 0;
  }

  /**
   * Not judged, accepted, rejected, and not judged again. What an editor added is taken away by the next step; where
   * all else is wrong, a topic is accepted or rejected.
   */
  cycle(id) {
    const verdict = this.of(id);
    if (verdict === NOT_JUDGED) this.#judge(id, ACCEPTED);
    else if (verdict === ACCEPTED) this.#judge(id, this.given.includes(id) ? REJECTED : NOT_JUDGED);
    else this.#judge(id, this.state.complete ? ACCEPTED : NOT_JUDGED);
  }

  /** Accept a topic, whether or not the model gave it. */
  add(id) {
    this.#judge(id, ACCEPTED);
  }

  /** Accept every topic that is not judged. */
  acceptAll() {
    this.#change({ accepted: [...this.state.accepted, ...this.all(NOT_JUDGED)] });
  }

  /** Say that nothing but what is accepted is right, or take that back. */
  toggleComplete() {
    this.#change({ complete: !this.state.complete });
  }

  /** Say that a topic is missing which the model does not know. */
  addMissing(name) {
    if (!this.state.missing.includes(name)) this.#change({ missing: [...this.state.missing, name] });
  }

  /** Take back that a topic is missing. */
  removeMissing(name) {
    this.#change({ missing: this.state.missing.filter((other) => other !== name) });
  }

  /** Take the last step back. */
  undo() {
    this.state = this.steps.pop();
  }

  /** Return what the ledger keeps; `topics` says that the article was gone over as a whole. */
  verdict() {
    const { accepted, missing, complete } = this.state;
    return {
      accepted: this.given.filter((id) => accepted.includes(id)),
      rejected: this.all(REJECTED),
      added: this.added,
      ...(complete && { topics: [...accepted] }),
      ...(missing.length > 0 && { missing: [...missing] }),
    };
  }

  #judge(id, verdict) {
    const others = (ids) => ids.filter((other) => other !== id);
    const accepted = others(this.state.accepted);
    const rejected = others(this.state.rejected);
    if (verdict === ACCEPTED) accepted.push(id);
    if (verdict === REJECTED) rejected.push(id);
    this.#change({ accepted, rejected });
  }

  #change(changed) {
    this.steps.push(this.state);
    this.state = { ...this.state, ...changed };
  }
}
