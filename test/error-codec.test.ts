/** Errors that cross a port or a wire arrive as they were thrown: one conformance test for every way across. */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeError, encodeError } from '../src/error-codec.js';
import { PFF_ERROR_CODES, PffError } from '../src/errors.js';
import { trainTask } from '../src/schedule/tasks.js';
import { EngineError } from '../src/store/cluster/engine.js';
import { MissingOutput } from '../src/store/cluster/outputs.js';
import { decodeEntry, encodeRecord, failureRecord, keys } from '../src/store/cluster/records.js';
import { PortStore, serveStore } from '../src/store/port.js';
import type { Store } from '../src/store/store.js';

const { port1, port2 } = new MessageChannel();
const closed = new AbortController();
let thrown: Error;
const failing = (): Promise<never> => Promise.reject(thrown);
const store: Store = { fetch: failing, publish: failing, isPublished: failing, published: failing };
serveStore(port1, store, closed.signal);
const reached = new PortStore(port2);
afterAll(() => {
  port1.close();
  port2.close();
});

const task = trainTask(0, 0);
const never = new AbortController().signal;
const rejected = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

/** What crosses: an error in, what arrives out. */
const ways: Readonly<Record<string, (error: Error) => Promise<unknown>>> = {
  'the messages of a thread': async (error) => {
    const { port1: from, port2: to } = new MessageChannel();
    from.postMessage(encodeError(error));
    const received = receiveMessageOnPort(to)?.message as ReturnType<typeof encodeError>;
    from.close();
    return decodeError(received);
  },
  JSON: async (error) => decodeError(JSON.parse(JSON.stringify(encodeError(error))) as ReturnType<typeof encodeError>),
  'a store behind a port, fetch': (error) => {
    thrown = error;
    return rejected(reached.fetch(task, never));
  },
  'a store behind a port, publish': (error) => {
    thrown = error;
    return rejected(reached.publish(task, { steps: 0, buffer: new ArrayBuffer(4) }));
  },
};

const errors = [
  ...PFF_ERROR_CODES.flatMap((code) => [
    new PffError(code, 'what was found', { hint: 'what to do' }),
    new PffError(code, 'nothing to do about it'),
  ]),
  new MissingOutput('the output of c0.l0 is lost', { hint: 'go on' }),
  new EngineError('removed', 'run a was removed', { hint: 'start another' }),
  new EngineError('busy', 'no answer'),
];

describe.each(Object.entries(ways))('%s', (_, across) => {
  it.each(errors)('keeps class, code and hint of %s', async (error) => {
    const arrived = await across(error);
    expect(arrived).toBeInstanceOf(error.constructor);
    const { name, message, code, hint } = arrived as PffError;
    expect({ name, message, code, hint }).toEqual({
      name: error.name,
      message: error.message,
      code: error.code,
      hint: error.hint,
    });
    if (error instanceof EngineError) expect((arrived as EngineError).kind).toBe(error.kind);
  });

  it('keeps a defect a defect, and says where it was', async () => {
    const arrived = (await across(new TypeError('x is undefined'))) as Error;
    expect(arrived).not.toBeInstanceOf(PffError);
    expect([arrived.name, arrived.message]).toEqual(['TypeError', 'x is undefined']);
    expect(arrived.stack).toContain('error-codec.test.ts');
  });

  it('keeps the code of an error of the system', async () => {
    expect(await across(Object.assign(new Error('no space'), { code: 'ENOSPC' }))).toMatchObject({ code: 'ENOSPC' });
  });
});

it('takes an unknown class for a PffError, and what is no error for its text', () => {
  const unknown = decodeError({ name: 'NewerError', code: 'data', message: 'm', hint: 'h' });
  expect(unknown).toBeInstanceOf(PffError);
  expect(unknown).toMatchObject({ code: 'data', message: 'm', hint: 'h' });
  expect(decodeError(encodeError('a string'))).toMatchObject({ name: 'Error', message: 'a string' });
});

it('is what the record of a failed run has, cut to the size of a record', () => {
  for (const error of [
    new PffError('training', 'loss is NaN', { hint: 'Lower the rate.' }),
    new PffError('training', 'loss is NaN'),
    new PffError('training', 'x'.repeat(5000), { hint: 'y'.repeat(5000) }),
  ]) {
    const entry = decodeEntry(keys.failed, encodeRecord(failureRecord('node-1', 'host', error)));
    if (entry?.type !== 'failed') throw new Error('the record was refused');
    const arrived = decodeError(entry.record.error) as PffError;
    expect(arrived).toBeInstanceOf(PffError);
    expect(arrived.message).toBe(error.message.slice(0, 2000));
    expect(arrived.hint).toBe(error.hint?.slice(0, 2000));
  }
});

describe('an error of a class that a thread on its way does not know', () => {
  it('comes back as what it was where the class is known again', () => {
    const unheard = { ...encodeError(new PffError('cluster', 'lost')), name: 'Unheard', kind: 'busy' };
    expect(encodeError(decodeError(unheard))).toEqual(unheard);
  });
});
