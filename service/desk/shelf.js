// A list that the browser keeps: the newest first, never more than so many, never larger than storage allows.

const LARGEST = 2_000_000; // characters; browsers keep five million of one site

/** Items, each with an `id`. What cannot be stored is kept until the page is left. */
export class Shelf {
  #memory = [];

  /**
   * @param storage localStorage or sessionStorage
   * @param name what the list is called there
   * @param most items
   */
  constructor(storage, name, most) {
    Object.assign(this, { storage, name, most, isStored: true });
  }

  /** The items, the newest first. */
  get items() {
    if (!this.isStored) return this.#memory;
    try {
      return JSON.parse(this.storage.getItem(this.name) ?? "[]");
    } catch {
      return [];
    }
  }

  /** Put an item first, in place of one of the same id; return those that had to go. */
  put(item) {
    const all = [item, ...this.items.filter(({ id }) => id !== item.id)];
    let size = 0;
    const fits = (other) => (size += JSON.stringify(other).length) <= LARGEST;
    const kept = all.filter((other, place) => place < this.most && (fits(other) || place === 0));
    this.#write(kept);
    return all.filter((other) => !kept.includes(other));
  }

  /** Take an item away; return it, or undefined. */
  take(id) {
    const { items } = this;
    const taken = items.find((item) => item.id === id);
    if (taken) this.#write(items.filter((item) => item !== taken));
    return taken;
  }

  #write(items) {
    this.#memory = items;
    try {
      if (items.length) this.storage.setItem(this.name, JSON.stringify(items));
      else this.storage.removeItem(this.name);
      this.isStored = true;
    } catch {
      this.isStored = false;
    }
  }
}
