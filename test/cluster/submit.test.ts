/** A run that nodes could not read is refused before anything is sent: no command would find it again. */
import { expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { prepareData } from '../../src/node/prepare.js';
import { acceptedRecord, type Submission } from '../../src/run/cluster/submit.js';
import { exactNumerics } from '../../src/kernels/numerics.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const spec = resolveSpec(toySpec());
/** Nothing listens there: what is refused is refused without a server. */
const server = { server: 'nats://127.0.0.1:1' };

const submission = (nodes: number, classes: readonly string[] = toyDataset().classes): Submission => ({
  spec,
  execution: { variant: 'all-layers', nodes } as Submission['execution'],
  numerics: exactNumerics.f32,
  prepared: prepareData({ ...toyDataset(), classes }, spec),
});
const renamed = (name: string): string[] => toyDataset().classes.map((each, i) => (i === 1 ? name : each));

it.each<[string, Submission, object, RegExp]>([
  [
    'a lease of more than an hour',
    submission(2),
    { leaseMs: 4_000_000 },
    /in leaseMs: .* \| Give a --lease of 0.1 to 3600/,
  ],
  ['more nodes than there are places', submission(20_000), {}, /in nodes: .* \| Give 1 to 10000 --nodes/],
  [
    'a class whose name is long',
    submission(2, renamed('x'.repeat(201))),
    {},
    /in dataset\.classes\.1: .* \| Give classes/,
  ],
  [
    'a class whose name has two lines',
    submission(2, renamed('a\nb')),
    {},
    /in dataset\.classes\.1: .* \| Give classes/,
  ],
  ['a class whose name hides something', submission(2, renamed('a\u200bb')), {}, /in dataset\.classes\.1/],
])('%s', async (_, given, more, message) => {
  const error: unknown = await acceptedRecord({ server, run: 'x', ...more }, given).catch((each: unknown) => each);
  const { code, message: said, hint } = error as PffError;
  expect(`${code}: ${said} | ${hint}`).toMatch(new RegExp(`^usage: nodes could not read .*${message.source}`));
});

it('all else gets as far as the server', async () => {
  await expect(acceptedRecord({ server, run: 'x' }, submission(2))).rejects.toThrow('cannot reach the server');
});
