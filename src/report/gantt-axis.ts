/** Axes and figures of the Gantt charts: round ticks, seconds and shares in words. */

/** Round values from `from` to `to`: the finest steps of 1, 2 or 5 times a power of ten that give at most `most` of them. */
export function ticks(from: number, to: number, most: number): number[] {
  const span = to - from;
  if (!(span > 0) || most < 1) return [from];
  let power = 10 ** Math.floor(Math.log10(span / most) - 1);
  for (; ; power *= 10) {
    for (const step of [power, 2 * power, 5 * power]) {
      const first = Math.ceil(from / step - 1e-9);
      const count = Math.floor(to / step + 1e-9) - first + 1;
      // From whole multiples, so that no error adds up.
      if (count <= most) return Array.from({ length: count }, (_, i) => roundTo(first + i, step));
    }
  }
}

function roundTo(multiple: number, step: number): number {
  return Number((multiple * step).toPrecision(12));
}

/** 0.0123 → `0.0123`, 3.14159 → `3.14`, 1234.5 → `1235`: three digits, more only before the point. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

export function seconds(value: number): string {
  return `${figure(value)} s`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share >= 0.9995 || share === 0 ? 0 : 1)} %`;
}

/** How near the bound a run came; a real run may beat one that was calibrated at another time. */
export function boundReached(bound: number, makespan: number): string {
  const share = makespan > 0 && bound <= makespan ? ` (${percent(bound / makespan)} of it reached)` : '';
  return `bound ${seconds(bound)}${share}`;
}
