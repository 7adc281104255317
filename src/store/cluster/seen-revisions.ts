/**
 * Up to which revision a process has seen every record: by reading them one after the other, and by what it wrote itself, which it
 * need not read again.
 */
export class SeenRevisions {
  /** Every record up to this revision was seen. */
  all = 0;
  /** Changes with every `reset`. */
  incarnation = 0;
  /** Revisions beyond `all` that were seen. */
  readonly #ahead = new Set<number>();

  /** All up to `revision` were read. */
  reach(revision: number): void {
    this.all = Math.max(this.all, revision);
    for (const seen of this.#ahead) if (seen <= this.all) this.#ahead.delete(seen);
    while (this.#ahead.delete(this.all + 1)) this.all += 1;
  }

  /** One was written by this process, which began to in `incarnation`: an answer may come when the engine has lost what it tells. */
  add(revision: number, incarnation: number): void {
    if (incarnation !== this.incarnation || revision <= this.all) return;
    this.#ahead.add(revision);
    this.reach(this.all);
  }

  /** The engine may have lost anything. */
  reset(): void {
    this.all = 0;
    this.incarnation += 1;
    this.#ahead.clear();
  }
}
