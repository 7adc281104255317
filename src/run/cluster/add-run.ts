/** Puts a run on the server, and finds out whether it is there when the answer is lost. */
import { PffError } from '../../errors.js';
import { EngineError } from '../../store/cluster/engine.js';
import { runContext, type RunRecord } from '../../store/cluster/run-record.js';
import type { NatsRegistry } from '../../store/nats/registry.js';

/** Each waits for some seconds. */
const MOST_TRIES = 3;

/**
 * Registers a run and makes its streams.
 * @param attach the command that follows it
 * @throws PffError `cluster` if the name is taken or the server refuses; where the run may be on the server all the same, it says so
 */
export async function addRun(
  registry: Pick<NatsRegistry, 'add' | 'get' | 'remove'>,
  record: RunRecord,
  openStreams: () => Promise<void>,
  { attach, signal }: { readonly attach: string; readonly signal: AbortSignal },
): Promise<void> {
  const unsure = (error: unknown): PffError =>
    new PffError('cluster', error instanceof Error ? error.message : String(error), {
      hint: `The run may have been submitted all the same; then ${attach} follows it.`,
      cause: error,
    });
  await register(registry, record, signal, unsure);
  try {
    await openStreams();
  } catch (error) {
    // Else nodes would find a run that nobody can begin.
    const gone = await registry.remove(record).then(
      () => true,
      () => false,
    );
    throw gone || !isUnanswered(error) ? error : unsure(error);
  }
}

async function register(
  registry: Pick<NatsRegistry, 'add' | 'get'>,
  record: RunRecord,
  signal: AbortSignal,
  unsure: (error: unknown) => PffError,
): Promise<void> {
  for (let tries = 1; ; tries++)
    try {
      return await registry.add(record);
    } catch (error) {
      // A request without an answer may have been heard, and what an earlier try wrote takes the name from the next one.
      if (tries === 1 && !isUnanswered(error)) throw error;
      const found = await registry.get(record.run).catch(() => undefined);
      if (found && runContext(found.record) === runContext(record)) return;
      if (!isUnanswered(error)) throw found ? error : unsure(error);
      if (tries === MOST_TRIES || signal.aborted) throw unsure(error);
    }
}

/** What the server refuses has no cause but itself. */
function isUnanswered(error: unknown): boolean {
  return error instanceof EngineError && error.kind === 'busy' && error.cause !== undefined;
}
