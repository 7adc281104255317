/**
 * Plugins: modules of a user's that register own parts by name (`--plugin FILE`). Every thread and node that trains loads
 * them, so that a spec means the same everywhere.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { commandLine } from '../../command-line.js';
import type { Dataset } from '../../data/dataset.js';
import type { OwnNegatives } from '../../data/negatives-table.js';
import { ownDatasetNames, registerDataset, type DatasetLoader } from '../../data/sources/load.js';
import { codeOf, messageOf, PffError } from '../../errors.js';
import { described } from '../../known-options.js';
import { PACKAGE_FOLDER } from '../../package-folder.js';
import type { OwnGoodness } from '../../objectives/goodness.js';
import type { AnyOwnObjective } from '../../objectives/table.js';
import {
  OWN_KINDS,
  ownNames,
  registerGoodness,
  registerNegatives,
  registerObjective,
  registerSchedule,
} from '../../spec/own-parts.js';
import type { RateSchedule } from '../../spec/rate-schedules.js';
import { registerStore, storeNames, type OwnStoreOpener } from '../../store/own-store.js';
import { didYouMean } from '../../suggest.js';

/** The default export of a plugin module: parts by name. */
export interface Plugin {
  readonly objectives?: Readonly<Record<string, AnyOwnObjective>>;
  readonly goodnesses?: Readonly<Record<string, OwnGoodness>>;
  readonly negatives?: Readonly<Record<string, OwnNegatives>>;
  readonly schedules?: Readonly<Record<string, RateSchedule>>;
  /** Only the thread that starts the run opens its store. */
  readonly stores?: Readonly<Record<string, OwnStoreOpener>>;
  /** Only the thread that starts the run loads data. */
  readonly datasets?: Readonly<Record<string, DatasetLoader | (() => Promise<Dataset>)>>;
}

/** What this thread has loaded, so that the threads that it starts can load it too. */
const loadedUrls = new Set<string>();
/** Which file has registered a part, by kind and name. */
const registeredBy = new Map<string, string>();
/** Those that have registered something. */
const checkedUrls = new Set<string>();

/** Digests of their files as they were then: this thread keeps that code, but threads that it starts read the files anew. */
const loadedDigests = new Map<string, string>();

/** @throws PffError `usage` where a file has changed, so that other threads would run other code */
export function loadedPlugins(): readonly string[] {
  for (const url of loadedUrls) checkUnchanged(url);
  return [...loadedUrls];
}

function checkUnchanged(url: string): void {
  const digest = digestOfFile(url);
  if (digest === undefined) return;
  const before = loadedDigests.get(url);
  if (before === undefined) loadedDigests.set(url, digest);
  if (before === undefined || before === digest) return;
  throw new PffError('usage', `plugin ${nameOf(url)} has changed since this process loaded it`, {
    hint: 'Start the process again: it would go on with the old code, and its threads with the new.',
  });
}

/** Undefined where there is no such file (any more): importing it says so. */
function digestOfFile(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined;
  try {
    return createHash('sha256')
      .update(readFileSync(fileURLToPath(url)))
      .digest('hex');
  } catch {
    return undefined;
  }
}

function nameOf(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url) : url;
}

/** How each kind of part is registered: the list of the kinds that there are. */
const REGISTER: Readonly<Record<keyof Plugin, (plugin: Plugin) => void>> = {
  objectives: (plugin) => registerAll(plugin.objectives, registerObjective),
  goodnesses: (plugin) => registerAll(plugin.goodnesses, registerGoodness),
  negatives: (plugin) => registerAll(plugin.negatives, registerNegatives),
  schedules: (plugin) => registerAll(plugin.schedules, registerSchedule),
  stores: (plugin) => registerAll(plugin.stores, registerStore),
  datasets: (plugin) => registerAll(plugin.datasets, registerDataset),
};
const KINDS = Object.keys(REGISTER);

function registerAll<T>(
  parts: Readonly<Record<string, T>> | undefined,
  register: (name: string, part: T) => void,
): void {
  for (const [name, part] of Object.entries(parts ?? {})) register(name, part);
}

/** Names of all own parts that are registered in this thread. */
function registeredNames(): string {
  return JSON.stringify([OWN_KINDS.map(ownNames), storeNames(), ownDatasetNames()]);
}

/** Registers all parts of a plugin in this thread. @throws PffError `usage` for a bad name, or a kind that there is not. */
export function registerPlugin(plugin: Plugin): void {
  const unknown = Object.keys(plugin).find((kind) => !KINDS.includes(kind));
  if (unknown !== undefined)
    throw new PffError('usage', `a plugin has ${unknown}, which is nothing that it can have`, {
      hint: didYouMean(unknown, KINDS, `A plugin's parts are ${KINDS.join(', ')}, each an object of parts by name.`),
    });
  for (const [kind, parts] of Object.entries(plugin) as [string, unknown][])
    if (typeof parts !== 'object' || parts === null || Array.isArray(parts))
      throw new PffError(
        'usage',
        `${kind} of a plugin must be an object of parts by name, but is ${described(parts)}`,
        {
          hint: `Write ${kind}: { 'my-name': … }.`,
        },
      );
  for (const register of Object.values(REGISTER)) register(plugin);
}

/**
 * Loads plugin modules: each has a `Plugin` as its default export, or registers its parts itself.
 * @param files paths of JavaScript files, or URLs.
 * @throws PffError `usage` if one cannot be loaded.
 */
export async function loadPlugins(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const url = pluginUrl(file);
    checkUnchanged(url);
    // A program that names itself, so that worker threads load it, has registered its parts before it came here; it cannot
    // wait for its own import.
    if (isMainThread && isProgram(file)) {
      loadedUrls.add(url);
      continue;
    }
    if (url.startsWith('file:') && !existsSync(fileURLToPath(url)))
      throw new PffError('usage', `plugin ${file} cannot be loaded: there is no such file`, {
        hint: 'Check its path.',
      });
    const before = registeredNames();
    let loaded: { readonly default?: unknown };
    try {
      loaded = await importPlugin(url);
    } catch (error) {
      // What it registers itself may be refused, for reasons of its own.
      if (error instanceof PffError) throw error;
      throw new PffError('usage', `plugin ${file} cannot be loaded: ${messageOf(error)}`, {
        hint: hintOf(error, url),
        cause: error,
      });
    }
    const { default: plugin } = loaded;
    if (typeof plugin === 'object' && plugin !== null) {
      const names = partNames(plugin);
      checkNotTaken(names, url);
      registerPlugin(plugin);
      for (const name of names) registeredBy.set(name, url);
    }
    // A module that is loaded again registers nothing again.
    if (checkedUrls.has(url) || registeredNames() !== before) checkedUrls.add(url);
    else if (
      typeof plugin !== 'object' ||
      plugin === null ||
      Object.values(plugin).every((parts) => Object.keys(parts as object).length === 0)
    )
      throw new PffError('usage', `plugin ${file} registers nothing`, {
        hint: `Its default export must be an object with parts, such as { objectives: { 'my-loss': … } }; kinds are ${KINDS.join(', ')}.`,
      });
    loadedUrls.add(url);
  }
}

/** Kinds and names of a plugin's parts. */
function partNames(plugin: object): string[] {
  return Object.entries(plugin).flatMap(([kind, parts]: [string, unknown]) =>
    Object.keys(parts ?? {}).map((name) => `${kind}: { ${name} }`),
  );
}

/** Of whichever plugin was loaded last a spec would else mean the part. @throws PffError `usage` where another file has registered a name */
function checkNotTaken(names: readonly string[], url: string): void {
  for (const name of names) {
    const before = registeredBy.get(name);
    if (before !== undefined && before !== url)
      throw new PffError('usage', `plugins ${nameOf(before)} and ${nameOf(url)} both have ${name}`, {
        hint: 'Give one of the two another name.',
      });
  }
}

/**
 * The module of a plugin. Where nothing is left that could let its top-level await go on, the process would end without a word.
 * @throws whatever the module throws; PffError `usage` if it will never be loaded
 */
export async function importPlugin(url: string): Promise<{ readonly default?: unknown }> {
  let onIdle = (): void => {};
  const idle = new Promise<never>((_, reject) => {
    const failure = new PffError('usage', `plugin ${nameOf(url)} cannot be loaded: it awaits what never comes`, {
      hint: 'Mend its await at the top level.',
    });
    // Of the loop, so that it goes on with what follows from the refusal.
    onIdle = () => void setImmediate(() => reject(failure));
  });
  process.once('beforeExit', onIdle);
  try {
    return await Promise.race([import(url) as Promise<{ readonly default?: unknown }>, idle]);
  } finally {
    process.off('beforeExit', onIdle);
  }
}

/** Of this package, which plugins import and no registry has yet: it is installed from where it lies. */
const OWN_NAME = 'pipeline-forward-forward';

/** What to do about a module that cannot be imported. */
function hintOf(error: unknown, url: string): string {
  const missing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  const name = missing ? /Cannot find package '([^']+)'/.exec(error.message)?.[1] : undefined;
  if (name !== undefined)
    return `Run ${commandLine(['npm', 'install', name === OWN_NAME ? PACKAGE_FOLDER : name])} in the plugin's folder or in one above it, or move the plugin to a folder where that package is installed.`;
  const { name: kind, message = '', stack = '' } = (error ?? {}) as Partial<Error>;
  // What JSON.parse and their like throw is called one of syntax, too, but does not come from the loader.
  const thrownAt = /^ +at .*/m.exec(stack)?.[0] ?? '';
  const isOtherKind =
    (kind === 'SyntaxError' && thrownAt.includes('node:internal/modules')) ||
    (kind === 'ReferenceError' && /ES module scope/.test(message));
  return isOtherKind || codeOf(error) === 'ERR_UNKNOWN_FILE_EXTENSION'
    ? 'It must be an ES module (.mjs, or .js with "type": "module").'
    : `Mend what fails in ${nameOf(url)}, or what it imports; PFF_DEBUG=1 shows where.`;
}

function isProgram(file: string): boolean {
  const program = process.argv[1];
  return program !== undefined && existsSync(program) && pluginUrl(file) === pathToFileURL(realpathSync(program)).href;
}

/** The same module whatever folder a thread or a later process is in. */
export function pluginUrl(file: string): string {
  return /^(file|data):/.test(file) ? file : pathToFileURL(path.resolve(file)).href;
}
