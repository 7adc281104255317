/** What the page of many runs knows of each: plain data, made by the server and drawn in the browser. */
import type { RunStatus } from '../run-view.js';

/** A point of a curve: after a chapter. */
export interface CurvePoint {
  /** From 1. */
  readonly chapter: number;
  /** Of wall clock since the run began. */
  readonly seconds: number;
  readonly value: number;
}

export interface RunSummary {
  /** Its path below the folder, with `/`. */
  readonly id: string;
  readonly state: RunStatus;
  /** ISO time at which its log was last written. */
  readonly changed: string;
  readonly tags: readonly string[];
  readonly note: string;
  readonly dataset: string;
  /** Fields of its spec as text, by name. */
  readonly fields: Readonly<Record<string, string>>;
  /** At the end, on the samples that `measuredOn` says. */
  readonly accuracy: number | undefined;
  readonly measuredOn: 'test' | 'validation' | undefined;
  /** Over all parts of a resumed run. */
  readonly trainSeconds: number | undefined;
  readonly modelDigest: string | undefined;
  /** Accuracy on held-out samples; the end alone where it was never measured before. */
  readonly accuracies: readonly CurvePoint[];
  /** Loss in training, the mean over the layers, of chapters that all layers have done; without the softmax classifier's. */
  readonly losses: readonly CurvePoint[];
}

/** All runs of a folder. */
export interface RunsSummary {
  readonly folder: string;
  readonly runs: readonly RunSummary[];
}
