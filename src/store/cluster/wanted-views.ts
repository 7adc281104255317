/** What is wanted of a run by what is published, and by that and what is on its way from here; kept up to date task by task. */
import type { GraphShape } from '../../schedule/shape.js';
import { isTask, parseTaskKey, type Task } from '../../schedule/tasks.js';
import { Wanted } from '../../schedule/wanted.js';

type Is = (task: Task) => boolean;

export class WantedViews {
  readonly #shape: GraphShape;
  readonly #isPublished: Is;
  readonly #isHere: Is;
  readonly #isAudited: Is;
  #published: Wanted | undefined;
  #here: Wanted | undefined;

  /** @param isAudited whether a published result is still to be checked, or may be */
  constructor(shape: GraphShape, isPublished: Is, isHere: Is, isAudited: Is) {
    this.#shape = shape;
    this.#isPublished = isPublished;
    this.#isHere = isHere;
    this.#isAudited = isAudited;
  }

  /** Made when first asked for. @param mine counts what this process is publishing */
  of(mine: boolean): Wanted {
    if (mine) return (this.#here ??= new Wanted(this.#shape, this.#isHere, this.#isAudited));
    return (this.#published ??= new Wanted(this.#shape, this.#isPublished, this.#isAudited));
  }

  /** The task of this name may have changed. */
  note(key: string): void {
    let task: Task;
    try {
      task = parseTaskKey(key);
    } catch {
      return;
    }
    if (isTask(this.#shape, task)) this.noteTask(task);
  }

  /** This task of the run may have changed. */
  noteTask(task: Task): void {
    if (!this.#published && !this.#here) return;
    const audited = this.#isAudited(task);
    this.#published?.set(task, this.#isPublished(task));
    this.#here?.set(task, this.#isHere(task));
    for (const view of [this.#published, this.#here]) view?.setAudited(task, audited);
  }

  /** All may have changed. */
  forget(): void {
    this.#published = this.#here = undefined;
  }
}
