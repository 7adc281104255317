/**
 * Which tasks a run still has to do, and which outputs it still has to keep, told from nothing but what is published now.
 * Unlike retention.ts this bears outputs that vanish again: when a server lost data, only what the result still depends on
 * is wanted, so a run whose newest layers survived somewhere does not start again. It is kept up to date task by task, so
 * that a task costs the same however many chapters there are.
 */
import { trainedLayers, type GraphShape } from './shape.js';
import { allTasks, consumers, isResult, needs, trainTask, type Task } from './tasks.js';

export class Wanted {
  readonly #shape: GraphShape;
  /** Places of a chapter: labels, then the layers. Places follow the order of the graph. */
  readonly #width: number;
  readonly #published: Uint8Array;
  readonly #wanted: Uint8Array;
  /** Of a wanted task: how many of its needs are wanted. */
  readonly #missing: Uint16Array;
  /** Wanted tasks with no wanted needs, by place. There are never many: at most one a layer, and labels. */
  readonly #open = new Map<number, Task>();
  /** Tasks that are done and may be done once more, by place: what they need is kept. */
  readonly #audits = new Map<number, Task>();
  #size = 0;

  /**
   * @param published whether a task's output is there (or was, and nobody needs it any more).
   * @param audited whether a published result is still to be checked, or may be.
   */
  constructor(shape: GraphShape, published: (task: Task) => boolean, audited: (task: Task) => boolean = () => false) {
    this.#shape = shape;
    this.#width = trainedLayers(shape) + 1;
    const places = shape.splits * this.#width;
    this.#published = new Uint8Array(places);
    this.#wanted = new Uint8Array(places);
    this.#missing = new Uint16Array(places);
    const tasks = [...allTasks(shape)];
    for (const task of tasks)
      if (published(task)) {
        this.#published[this.#place(task)] = 1;
        if (audited(task)) this.#audits.set(this.#place(task), task);
      }
    // Needed tasks come before their consumers in this order, so backwards all consumers are known.
    for (const task of tasks.toReversed())
      if (!this.#published[this.#place(task)] && this.#isNeeded(task)) this.#add(task);
  }

  /** Nothing is left to do, nor to check. */
  get finished(): boolean {
    return this.#size === 0 && this.#audits.size === 0;
  }

  /** How many tasks are wanted. */
  get size(): number {
    return this.#size;
  }

  /** Notes that a task's output is there now, or is not any more. */
  set(task: Task, published: boolean): void {
    const place = this.#place(task);
    if (Boolean(this.#published[place]) === published) return;
    this.#published[place] = published ? 1 : 0;
    if (published) this.#dropAll(task);
    else if (this.#isNeeded(task)) this.#addAll(task);
  }

  /** Notes whether a result is still to be checked, or may be. */
  setAudited(task: Task, audited: boolean): void {
    const place = this.#place(task);
    if (this.#audits.has(place) === audited) return;
    if (audited) this.#audits.set(place, task);
    else this.#audits.delete(place);
    for (const need of needs(this.#shape, task)) {
      if (audited && !this.#published[this.#place(need)]) this.#addAll(need);
      if (!audited) this.#dropAll(need);
    }
  }

  /** The results that are still to be checked, or may be, in the order of the graph. */
  audits(): Task[] {
    return [...this.#audits].sort(([a], [b]) => a - b).map(([, task]) => task);
  }

  /** The wanted tasks in an order in which they can be done. */
  tasks(): Task[] {
    return [...allTasks(this.#shape)].filter((task) => this.isWanted(task));
  }

  /** The first wanted task in the order of the graph. */
  get first(): Task | undefined {
    // It has no wanted needs, since what a task needs comes before it.
    return this.#open.get(Math.min(...this.#open.keys()));
  }

  /** The tasks that can be done now, in the order of the graph. */
  ready(window: number): Task[] {
    const places = [...this.#open.keys()].sort((a, b) => a - b);
    return places.map((place) => this.#open.get(place) as Task).filter((task) => this.isReady(task, window));
  }

  isWanted(task: Task): boolean {
    return this.#wanted[this.#place(task)] === 1;
  }

  /** Whether everything is there that `task` needs to be done now, its gate (retention.ts) included. */
  isReady(task: Task, window: number): boolean {
    const place = this.#place(task);
    if (this.#wanted[place] ? this.#missing[place] : needs(this.#shape, task).some((need) => this.isWanted(need)))
      return false;
    if (task.kind === 'labels' || task.chapter < window) return true;
    return !this.isWanted(trainTask(task.chapter - window, trainedLayers(this.#shape) - 1));
  }

  /** Whether a published output of `task` has to be kept: a wanted task or an audit needs it, or it is part of the result. */
  isKept(task: Task): boolean {
    return this.#isNeeded(task);
  }

  #place(task: Task): number {
    return task.chapter * this.#width + (task.kind === 'labels' ? 0 : task.layer + 1);
  }

  #isNeeded(task: Task): boolean {
    if (isResult(this.#shape, task)) return true;
    return consumers(this.#shape, task).some((user) => this.isWanted(user) || this.#audits.has(this.#place(user)));
  }

  #addAll(first: Task): void {
    for (const todo = [first]; todo.length > 0;) {
      const task = todo.pop() as Task;
      if (this.isWanted(task)) continue;
      this.#add(task);
      for (const need of needs(this.#shape, task)) if (!this.#published[this.#place(need)]) todo.push(need);
    }
  }

  #add(task: Task): void {
    const place = this.#place(task);
    this.#wanted[place] = 1;
    this.#size += 1;
    const missing = needs(this.#shape, task).filter((need) => this.isWanted(need)).length;
    this.#missing[place] = missing;
    if (missing === 0) this.#open.set(place, task);
    for (const user of consumers(this.#shape, task)) {
      if (!this.isWanted(user)) continue;
      const of = this.#place(user);
      this.#missing[of] = (this.#missing[of] as number) + 1;
      this.#open.delete(of);
    }
  }

  #dropAll(first: Task): void {
    for (const todo = [first]; todo.length > 0;) {
      const task = todo.pop() as Task;
      const place = this.#place(task);
      if (!this.#wanted[place] || (!this.#published[place] && this.#isNeeded(task))) continue;
      this.#wanted[place] = 0;
      this.#size -= 1;
      this.#open.delete(place);
      for (const user of consumers(this.#shape, task)) {
        if (!this.isWanted(user)) continue;
        const of = this.#place(user);
        this.#missing[of] = (this.#missing[of] as number) - 1;
        if (this.#missing[of] === 0) this.#open.set(of, user);
      }
      todo.push(...needs(this.#shape, task));
    }
  }
}
