/** What the page and its host worker tell each other, and the host and the workers that compute. Plain data. */
import type { EncodedError } from '../../src/error-codec.js';
import type { NodeEvent } from '../../src/node/events.js';
import type { Job } from '../../src/node/job.js';
import type { TaskAnswer, TaskRequest } from '../../src/node/remote-executor.js';
import type { TabKernels } from './kernels.js';
import type { PickedFile } from './own-data.js';
import type { SharedRun } from '../../src/page/share/shared-run.js';

/** How the tab takes part. */
export interface TabSetting {
  /** This tab, for whoever shares the run. */
  readonly tab: string;
  readonly shared: SharedRun;
  /** Nodes of this tab, each with a worker of its own to compute. */
  readonly workers: number;
  readonly kernels: TabKernels;
  /** Shown to all who follow the run. */
  readonly name: string;
  /** 32 secret bytes: the tab's key, where results are audited. */
  readonly seed: Uint8Array;
  /** Of a federated run: what this tab trains on, and which slot it takes (from 0) if not any. */
  readonly files?: readonly PickedFile[] | undefined;
  readonly slot?: number | undefined;
}

export type HostRequest =
  | { readonly type: 'start'; readonly setting: TabSetting }
  /** Gives tasks back and leaves the run; `start` joins it again. */
  | { readonly type: 'leave' };

/** How the tab's part in the run ended. `left`: as it was asked to. */
export type TabEnd = 'finished' | 'stopped' | 'left' | 'failed';

export type TabEvent =
  /** The dataset: where it comes from, and how much of it is there. */
  | { readonly type: 'data'; readonly from: 'cache' | 'server'; readonly bytes: number; readonly of: number }
  /** Files that the user picked were read. */
  | { readonly type: 'read'; readonly samples: number }
  /** The browser would not keep the dataset for the next time. */
  | { readonly type: 'not-kept'; readonly why: string }
  | { readonly type: 'link'; readonly link: 'connected' | 'lost' | 'refused'; readonly why: string }
  /** Sums since the tab joined first. */
  | { readonly type: 'bytes'; readonly received: number; readonly sent: number }
  | { readonly type: 'joined'; readonly kernels: string }
  | { readonly type: 'node'; readonly worker: number; readonly event: NodeEvent }
  | { readonly type: 'said'; readonly worker: number; readonly line: string }
  | { readonly type: 'ended'; readonly end: TabEnd; readonly error?: EncodedError };

export type TaskWorkerRequest =
  | { readonly type: 'open'; readonly job: Job; readonly kernels: TabKernels; readonly storePort: MessagePort }
  | TaskRequest;
export type TaskWorkerAnswer = TaskAnswer | { readonly type: 'broken'; readonly error: EncodedError };

/** Of a worker's global scope, as much as is used; its types are not those of a page. */
export interface WorkerScope<Request, Answer> {
  postMessage(answer: Answer): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<Request>) => void): void;
}
