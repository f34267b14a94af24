/** Indexes of a log's entries below a fixed end; takes one bit for each index that there may be. */
export class IndexSet {
  /** Behind the last index that there may be. */
  readonly end: number;
  readonly #bits: Uint8Array;
  #size = 0;

  constructor(end: number) {
    this.end = end;
    this.#bits = new Uint8Array(Math.ceil(end / 8));
  }

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  has(index: number): boolean {
    return ((this.#bits[Math.floor(index / 8)] ?? 0) & (1 << (index % 8))) !== 0;
  }

  /** Takes an index; one at or behind the end is left out. */
  add(index: number): void {
    if (index >= this.end || this.has(index)) return;
    const at = Math.floor(index / 8);
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (index % 8));
    this.#size += 1;
  }

  /** The lowest index from `from` on that is not in the set; the end when each one is. */
  nextMissing(from: number): number {
    for (let index = from; index < this.end;) {
      if (index % 8 === 0 && this.#bits[index / 8] === 0xff) index += 8;
      else if (this.has(index)) index += 1;
      else return index;
    }
    return this.end;
  }
}
