/**
 * The nodes of one guest, as it last announced them. When its tab is closed nobody is there to say that they leave, so the relay says it in
 * their place: others take over at once, instead of waiting for the lease to run out.
 */
import type { Engine } from '../cluster/engine.js';
import { encodeRecord, nodeRecordSchema, parseJson, type NodeRecord } from '../cluster/records.js';

const NODE = /^node\.\d+$/;
/** A tab has one for each processor core; a guest that announces more is not waited for longer than others. */
const MOST = 1024;

interface Announced {
  readonly record: NodeRecord;
  readonly revision: number;
}

export class GuestNodes {
  readonly #engine: Pick<Engine, 'write'>;
  readonly #announced = new Map<string, Announced>();
  #isGone = false;

  constructor(engine: Pick<Engine, 'write'>) {
    this.#engine = engine;
  }

  /** A record of the guest's was written. */
  async wrote(key: string, value: Uint8Array, revision: number): Promise<void> {
    if (!NODE.test(key)) return;
    const record = nodeRecordSchema.safeParse(parseJson(value)).data;
    if (!record || record.left) this.#announced.delete(key);
    else if (this.#announced.size < MOST || this.#announced.has(key)) this.#announced.set(key, { record, revision });
    if (this.#isGone) await this.#leave();
  }

  /** The guest has closed its tab. Never rejects: what cannot be said, the lease tells. */
  async gone(): Promise<void> {
    this.#isGone = true;
    await this.#leave();
  }

  async #leave(): Promise<void> {
    const announced = [...this.#announced];
    this.#announced.clear();
    await Promise.allSettled(
      announced.map(([key, { record, revision }]) => {
        const { doing: _, progress: __, ...stays } = record;
        const left: NodeRecord = { ...stays, beat: record.beat + 1, left: true };
        // Only in place of what the guest itself wrote last: a number that others have taken since is theirs.
        return this.#engine.write(key, encodeRecord(left), revision);
      }),
    );
  }
}
