/**
 * What follows from what several keys say about one task on the same inputs. A task is a pure function with exact results, so
 * two honest keys say the same, and of two that differ one is wrong.
 */

export type Verdict =
  /** One key alone says so. */
  | { readonly kind: 'alone' }
  | { readonly kind: 'agrees'; readonly output: string }
  /** The keys of the wrong outputs are named. */
  | { readonly kind: 'refuted'; readonly output: string; readonly refuted: readonly string[] }
  /** They differ, and nobody can tell yet who is wrong: one more has to do it. */
  | { readonly kind: 'unclear' };

/**
 * @param said output by key; of one task on the same inputs
 * @param auditors keys whose word decides, if the run names any; else the majority of at least three keys does
 */
export function judge(said: ReadonlyMap<string, string>, auditors?: ReadonlySet<string>): Verdict {
  const words = auditors ? new Map([...said].filter(([key]) => auditors.has(key))) : said;
  const outputs = new Set(said.values());
  if (words.size === 0) return outputs.size > 1 ? { kind: 'unclear' } : { kind: 'alone' };
  const counts = new Map<string, number>();
  for (const output of words.values()) counts.set(output, (counts.get(output) ?? 0) + 1);
  const [output, count] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most));
  if (outputs.size === 1) return auditors || count > 1 ? { kind: 'agrees', output } : { kind: 'alone' };
  const decided = auditors ? counts.size === 1 : count > words.size / 2 && count > 1;
  if (!decided) return { kind: 'unclear' };
  return { kind: 'refuted', output, refuted: [...said].filter(([, other]) => other !== output).map(([key]) => key) };
}
