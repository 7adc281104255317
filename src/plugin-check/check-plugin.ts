/**
 * `checkPlugin`: loads a plugin and says of each of its parts what is right and wrong: whether it is such a part, whether its gradient is
 * that of its loss, and whether it computes the same bits twice. Nothing of it is changed.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { OwnNegatives } from '../data/negatives-table.js';
import { negatives } from '../data/negatives-table.js';
import { ownDatasetNames } from '../data/sources/load.js';
import { messageOf, PffError } from '../errors.js';
import { checkOptions } from '../known-options.js';
import { importPlugin, loadPlugins, pluginUrl, registerPlugin, type Plugin } from '../node/threads/plugins.js';
import { goodnesses, type OwnGoodness } from '../objectives/goodness.js';
import { objectives, type AnyOwnObjective } from '../objectives/table.js';
import { OWN_KINDS, ownNames, ownPart, type OwnKind } from '../spec/own-parts.js';
import { rateSchedules } from '../spec/rate-schedules.js';
import { resolveSpec } from '../spec/spec.js';
import { storeNames } from '../store/own-store.js';
import { wrong, type Finding } from './finding.js';
import { checkObjective } from './objective.js';
import { checkDataset, checkGoodness, checkNegatives, checkSchedule, checkStore } from './parts.js';
import { checkTraining } from './tiny-training.js';

/** What a part is, as a plugin's export calls it, in the singular. */
export type PartKind = OwnKind | 'store' | 'dataset';

/** What was found of one part. */
export interface PartReport {
  readonly kind: PartKind | 'plugin';
  readonly name: string;
  readonly right: boolean;
  readonly findings: readonly Finding[];
}

/** What was found of a plugin. */
export interface PluginReport {
  readonly plugin: string;
  readonly right: boolean;
  readonly parts: readonly PartReport[];
}

/** What parts of a plugin need to be checked. */
export interface CheckPluginOptions {
  /** For datasets of the plugin: their folder. */
  readonly dataDir?: string | undefined;
}

/** @throws PffError `usage` if there is no such file. What is wrong with the plugin is in the report. */
export async function checkPlugin(file: string, options: CheckPluginOptions = {}): Promise<PluginReport> {
  checkOptions('checkPlugin', options, { dataDir: true });
  const url = pluginUrl(file);
  if (url.startsWith('file:') && !existsSync(fileURLToPath(url)))
    throw new PffError('usage', `plugin ${file} cannot be loaded: there is no such file`, { hint: 'Check its path.' });
  const parts: PartReport[] = [];
  const add = (kind: PartReport['kind'], name: string, findings: readonly Finding[]): void => {
    parts.push({ kind, name, right: findings.every((finding) => finding.right), findings });
  };
  const loaded = await loadedParts(file, url);
  const whole = loaded.every(({ refusal }) => refusal === undefined);
  for (const { kind, name, refusal } of loaded) {
    if (refusal !== undefined) add(kind, name, [wrong('shape', refusal)]);
    // Threads could not load a plugin of which a part is refused.
    else add(kind, name, await findingsOf(kind as PartKind, name, whole ? url : undefined, options));
  }
  return { plugin: file, right: parts.every((part) => part.right), parts };
}

interface LoadedPart {
  readonly kind: PartReport['kind'];
  readonly name: string;
  /** Why it could not be registered. */
  readonly refusal?: string;
}

/** Loads the plugin and lists its parts: those of its default export, and those that it registers itself. */
async function loadedParts(file: string, url: string): Promise<LoadedPart[]> {
  const before = new Set(allNames());
  let failure: PffError | undefined;
  try {
    await loadPlugins([file]);
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    failure = error;
  }
  const exported = Object.entries((await defaultExport(url)) ?? {}).flatMap(([kinds, all]) =>
    isParts(all) ? Object.entries(all).map(([name, part]) => ({ kinds, name, part })) : [],
  );
  const found: LoadedPart[] = [];
  for (const { kinds, name, part } of exported) {
    const kind = SINGULAR[kinds];
    // One that is refused keeps no other from being looked at.
    const refusal = failure && refusalOf({ [kinds]: { [name]: part } });
    if (kind !== undefined) found.push({ kind, name, ...(refusal === undefined ? {} : { refusal }) });
  }
  const listed = new Set(found.map(({ kind, name }) => `${kind} ${name}`));
  for (const each of allNames()) {
    const [kind, name] = each.split(' ') as [PartKind, string];
    if (!before.has(each) && !listed.has(each)) found.push({ kind, name });
  }
  const told = found.some(({ refusal }) => refusal !== undefined);
  if (failure && !told) found.push({ kind: 'plugin', name: file, refusal: failure.message });
  return found;
}

const SINGULAR: Readonly<Record<string, PartKind>> = {
  objectives: 'objective',
  goodnesses: 'goodness',
  negatives: 'negatives',
  schedules: 'schedule',
  stores: 'store',
  datasets: 'dataset',
} satisfies Record<keyof Plugin, PartKind>;

function allNames(): string[] {
  const of = (kind: string, names: readonly string[]): string[] => names.map((name) => `${kind} ${name}`);
  return [
    ...OWN_KINDS.flatMap((kind) => of(kind, ownNames(kind))),
    ...of('store', storeNames()),
    ...of('dataset', ownDatasetNames()),
  ];
}

/** Undefined where the module cannot be imported, or has none that is an object. */
async function defaultExport(url: string): Promise<object | undefined> {
  try {
    const loaded = await importPlugin(url);
    return typeof loaded.default === 'object' && loaded.default !== null ? loaded.default : undefined;
  } catch {
    return undefined;
  }
}

function isParts(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refusalOf(plugin: object): string | undefined {
  try {
    registerPlugin(plugin);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function findingsOf(
  kind: PartKind,
  name: string,
  plugin: string | undefined,
  { dataDir }: CheckPluginOptions,
): Promise<readonly Finding[]> {
  if (kind === 'store') return checkStore(name);
  if (kind === 'dataset') return checkDataset(name, dataDir);
  const findings = await guarded(() => findingsOfOwn(kind, name));
  if (plugin === undefined || !findings.every((finding) => finding.right)) return findings;
  return [...findings, await checkTraining(kind, name, plugin)];
}

async function findingsOfOwn(kind: OwnKind, name: string): Promise<readonly Finding[]> {
  switch (kind) {
    case 'objective': {
      const settings = resolveSpec({ objective: name });
      return checkObjective(ownPart('objective', name) as AnyOwnObjective, objectives.get(name), settings);
    }
    case 'goodness':
      return checkGoodness(goodnesses.get(name) as OwnGoodness);
    case 'negatives':
      return checkNegatives(name, negatives.get(name) as OwnNegatives);
    case 'schedule':
      return checkSchedule(rateSchedules.get(name));
  }
}

/** What a part throws is its fault. */
async function guarded(work: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await work();
  } catch (error) {
    return [wrong('runs', messageOf(error))];
  }
}
