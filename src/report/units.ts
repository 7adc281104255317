/** Numbers as people read them: durations, bytes, shares, counts. The same on every machine, whatever its locale. */

/** `0:07`, `12:34`, `1:02:03`. */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–:––';
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** As `clock`, with hundredths where there are any: `0:02.5`. */
export function exactClock(seconds: number): string {
  const hundredths = Math.round(seconds * 100);
  if (!Number.isFinite(hundredths) || hundredths < 0 || hundredths % 100 === 0) return clock(seconds);
  const rest = String(hundredths % 100)
    .padStart(2, '0')
    .replace(/0$/, '');
  return `${clock(Math.floor(hundredths / 100))}.${rest}`;
}

/** `12.3 s`, `450 ms`, `3 min 20 s`. */
export function duration(seconds: number): string {
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 119.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `123 B`, `4.5 MB`: decimal units. */
export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [size, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toPrecision(value < 9.995 ? 2 : 3)} ${units[unit]}`;
}

/** `98.31 %` */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** `12,345` */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** About four significant figures, never in a form that jumps in width: `0.1234`, `12.34`. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return value.toFixed(size < 1 ? 4 : size < 10 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0);
}
