/** Runs of operations that backends on the CPU do at once and devices by promises: generators that yield what may be a promise, and take its value. */

export type Watched<T> = Generator<unknown, T, unknown>;

export function atOnce<T>(run: Watched<T>): T {
  let next = run.next();
  while (!next.done) next = run.next(next.value);
  return next.value;
}

export async function awaited<T>(run: Watched<T>): Promise<T> {
  let next = run.next();
  while (!next.done) next = run.next(await next.value);
  return next.value;
}
