/** Tests of what may not be read, also where root runs them: root may read everything. */

/** A user and group that own nothing. */
const NOBODY = 65_534;

/** Does `work` as somebody else than root. What it reads must be open to all; modules that it loads are better loaded before. */
export async function asNobody<T>(work: () => T | Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
