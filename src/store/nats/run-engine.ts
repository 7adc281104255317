/** The engine of a registered run: streams that the server lost come back with the run's record. */
import type { RunRecord } from '../cluster/run-record.js';
import type { NatsApi } from './api.js';
import { NatsEngine } from './engine.js';
import type { NatsRegistry } from './registry.js';

export function runEngine(api: NatsApi, registry: NatsRegistry, record: RunRecord): NatsEngine {
  return new NatsEngine(api, record, record, () => registry.restore(record));
}
