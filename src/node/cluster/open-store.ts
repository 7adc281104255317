/** Opens the store of a run on a cluster for this process, over whichever engine reaches it. */
import { toHex, verifySignature, type Signer } from '../../audit/identity.js';
import { graphShape } from '../../schedule/shape.js';
import { systemClock } from '../../store/cluster/clock.js';
import { ClusterStore } from '../../store/cluster/cluster-store.js';
import type { Engine } from '../../store/cluster/engine.js';
import { runContext, type RunRecord } from '../../store/cluster/run-record.js';
import { waitingNotice } from '../../store/cluster/waiting-notice.js';
import type { PreparedData } from '../prepare.js';
import { expectedOutputs, soundLabels } from './expected.js';

/** What the store of a run is opened with. */
export interface StoreSetting {
  readonly engine: Engine;
  readonly record: RunRecord;
  /** Of this process, for people. */
  readonly name: string;
  /** Absent where this process only looks on. */
  readonly prepared: PreparedData | undefined;
  /** This process has found that spec and data fit each other; so it is with `prepared` unless given. */
  readonly fits?: boolean | undefined;
  readonly signal: AbortSignal;
  /** Told of trouble with the server. */
  readonly say: (line: string) => void;
  /** Whose key signs what this process says of results, where they are audited; without one it only looks on. */
  readonly signer?: Signer | undefined;
}

export function openStore(setting: StoreSetting): ClusterStore {
  const { engine, record, name, prepared, signal, say, signer } = setting;
  const { audit } = record;
  return new ClusterStore({
    engine,
    shape: graphShape(record.spec),
    id: toHex(crypto.getRandomValues(new Uint8Array(8))),
    name,
    clock: systemClock,
    signal,
    wire: record.spec.wire,
    over: record.state !== 'open',
    fits: setting.fits ?? prepared !== undefined,
    nodes: record.nodes,
    expected: expectedOutputs(record, prepared),
    soundLabels: prepared && soundLabels(record, prepared),
    audits: audit && {
      context: runContext(record),
      rate: audit.rate,
      auditors: audit.auditors && new Set(audit.auditors),
      distrusted: audit.refuse && new Set(audit.refuse),
      owner: audit.owner,
      verify: verifySignature,
      signer,
    },
    onTrouble: waitingNotice(say),
  });
}
