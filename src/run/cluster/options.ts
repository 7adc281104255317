/** How a run is put on a cluster. */
import type { RunRecord } from '../../store/cluster/run-record.js';
import type { ServerOptions, StorageOptions } from '../../store/nats/server-options.js';

export interface ClusterOptions {
  readonly storage?: StorageOptions['storage'] | undefined;
  readonly replicas?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly server: ServerOptions;
  readonly run: string;
  /** Follow this run, which is there; otherwise it is submitted. */
  readonly record?: RunRecord | undefined;
  /** A node that was silent for so long counts as gone; 10 s by default. */
  readonly leaseMs?: number | undefined;
  /** Have results done again by other nodes, and compared: a rate of 0 to 1; 0 by default, and every node is trusted. */
  readonly audit?: number | undefined;
  /** Keys of the nodes whose word decides, in hex; unless given the majority of nodes does. */
  readonly auditors?: readonly string[] | undefined;
  /** Keys of nodes that may not take part in an audited run, in hex: those that were refuted in others, for example. */
  readonly refuse?: readonly string[] | undefined;
  /** How many digests of parameters on the way go with each audited result, 0 to 16; 4 by default. They decide nothing (`auditRun`). */
  readonly auditCuts?: number | undefined;
  /** File with this machine's key, made if there is none. Only its owner can stop an audited run. */
  readonly key?: string | undefined;
  /** Called once the run is on the server. */
  readonly onSubmitted?: (() => void) | undefined;
}
