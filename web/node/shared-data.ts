/** The dataset of a shared run: kept from an earlier visit, or loaded from whoever shares the run. Its digest must be the run's. */
import type { Dataset } from '../../src/data/dataset.js';
import { unpackDataset } from '../../src/data/packed.js';
import { PffError } from '../../src/errors.js';
import { misfitOfData } from '../../src/node/cluster/misfit.js';
import type { SharedRun } from '../../src/page/share/shared-run.js';
import { dropData, keepData, keptData } from './data-cache.js';
import type { TabEvent } from './messages.js';

/** @throws PffError `cluster` where it cannot be loaded, or is another than the run's */
export async function sharedData(
  { record, dataBytes = 0 }: SharedRun,
  tell: (event: TabEvent) => void,
): Promise<Dataset> {
  const { digest } = record.dataset;
  const kept = await keptData(digest);
  if (kept) {
    tell({ type: 'data', from: 'cache', bytes: kept.length, of: kept.length });
    const dataset = sound(kept);
    if (dataset && misfitOfData(record, dataset) === undefined) return dataset;
    await dropData(digest);
  }
  const bytes = await loaded(dataBytes, tell);
  const dataset = unpackDataset(bytes);
  const misfit = misfitOfData(record, dataset);
  if (misfit !== undefined) throw new PffError('cluster', misfit);
  const why = await keepData(digest, bytes);
  if (why !== undefined) tell({ type: 'not-kept', why });
  return dataset;
}

/** What was kept may be damaged. */
function sound(bytes: Uint8Array): Dataset | undefined {
  try {
    return unpackDataset(bytes);
  } catch {
    return undefined;
  }
}

const MOST_TELLS = 50;

async function loaded(size: number, tell: (event: TabEvent) => void): Promise<Uint8Array<ArrayBuffer>> {
  const failed = (why: string): PffError =>
    new PffError('cluster', `the dataset could not be loaded: ${why}`, {
      hint: 'Join again; open the link anew if that does not help.',
    });
  const response = await fetch('/data').catch(() => undefined);
  if (!response) throw failed('no connection to whoever shares the run');
  if (!response.ok || !response.body) throw failed(`${response.status} ${response.statusText}`);
  const bytes = new Uint8Array(size);
  let [at, told] = [0, 0];
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw failed('the connection was lost');
    });
    if (done) break;
    if (at + value.length > size) throw failed('it has more bytes than were announced');
    bytes.set(value, at);
    at += value.length;
    if (at - told < size / MOST_TELLS && at < size) continue;
    told = at;
    tell({ type: 'data', from: 'server', bytes: at, of: size });
  }
  if (at < size) throw failed('the connection was lost');
  return bytes;
}
