/** A submission whose answer is lost: it is found out whether the run is on the server, and what cannot be known is said. */
import { describe, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { addRun } from '../../src/run/cluster/add-run.js';
import { EngineError } from '../../src/store/cluster/engine.js';
import type { RunRecord } from '../../src/store/cluster/run-record.js';
import { recordOf } from './records.js';

const record = recordOf({}, 'Q1');
const following = { attach: 'pff attach Q1', signal: new AbortController().signal };
const noAnswer = (): EngineError => new EngineError('busy', 'no answer from the server: timeout', { cause: 'timeout' });
const taken = (): PffError => new PffError('cluster', 'there is a run Q1 already');

/** A register that stores what comes while nothing is there, and answers or not as it is told, call by call. */
class Register {
  there: RunRecord | undefined;
  adds = 0;

  constructor(
    readonly answersAdd: (call: number) => boolean,
    readonly answersGet = true,
    readonly hears: (call: number) => boolean = () => true,
  ) {}

  async add(asked: RunRecord): Promise<void> {
    const call = this.adds++;
    const free = this.there === undefined;
    if (free && this.hears(call)) this.there = asked;
    if (!this.answersAdd(call)) throw noAnswer();
    if (!free) throw taken();
  }

  async get(): Promise<{ record: RunRecord; revision: number } | undefined> {
    if (!this.answersGet) throw noAnswer();
    return this.there && { record: { ...this.there, state: 'finished' }, revision: 7 };
  }

  async remove(): Promise<void> {
    if (!this.answersGet) throw noAnswer();
    this.there = undefined;
  }
}

const add = (register: Register, open = (): Promise<void> => Promise.resolve()): Promise<void> =>
  addRun(register, record, open, following);
const maybe = { hint: 'The run may have been submitted all the same; then pff attach Q1 follows it.' };

describe('a run that is put on a server', () => {
  it('is there although the answer was lost', async () => {
    await expect(add(new Register(() => false))).resolves.toBeUndefined();
  });

  it('is put there again when the server never heard of it', async () => {
    const register = new Register(
      (call) => call > 0,
      true,
      (call) => call > 0,
    );
    await add(register);
    expect(register.there).toEqual(record);
  });

  it('may be there when nothing can be read either', async () => {
    await expect(add(new Register(() => false, false))).rejects.toMatchObject(maybe);
    await expect(add(new Register((call) => call > 0, false))).rejects.toMatchObject(maybe);
    const unanswered = (): Promise<void> => Promise.reject(noAnswer());
    await expect(add(new Register(() => true, false), unanswered)).rejects.toMatchObject(maybe);
  });

  it("is not there when the name is another run's, or the server refuses", async () => {
    const register = new Register((call) => call > 0);
    register.there = { ...record, createdMs: record.createdMs - 1 };
    await expect(add(register)).rejects.toThrow('there is a run Q1 already');
    const refused = new EngineError('denied', 'this user may not use pff.Q1.run');
    const refusing = new Register(() => true);
    refusing.add = () => Promise.reject(refused);
    await expect(add(refusing)).rejects.toBe(refused);
    const removed = new Register(() => true);
    await expect(add(removed, () => Promise.reject(noAnswer()))).rejects.toMatchObject({ hint: undefined });
    expect(removed.there).toBeUndefined();
  });
});
