/**
 * Plugins: modules of a user's that register own parts by name (`--plugin FILE`). Every thread and node that trains loads
 * them, so that a spec means the same everywhere.
 */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import type { Dataset } from '../data/dataset.js';
import { registerDataset, type DatasetLoader } from '../data/sources.js';
import { messageOf, PffError } from '../errors.js';
import {
  registerGoodness,
  registerNegatives,
  registerObjective,
  registerSchedule,
  type OwnGoodness,
  type OwnNegatives,
  type OwnObjective,
  type OwnSchedule,
} from '../model/own-parts.js';
import { registerStore, type OwnStoreOpener } from '../store/own-store.js';

/** The default export of a plugin module: parts by name. */
export interface Plugin {
  readonly objectives?: Readonly<Record<string, OwnObjective>>;
  readonly goodnesses?: Readonly<Record<string, OwnGoodness>>;
  readonly negatives?: Readonly<Record<string, OwnNegatives>>;
  readonly schedules?: Readonly<Record<string, OwnSchedule>>;
  /** Only the thread that starts the run opens its store. */
  readonly stores?: Readonly<Record<string, OwnStoreOpener>>;
  /** Only the thread that starts the run loads data. */
  readonly datasets?: Readonly<Record<string, DatasetLoader | (() => Promise<Dataset>)>>;
}

/** What this thread has loaded, so that the threads that it starts can load it too. */
const loadedUrls = new Set<string>();

export function loadedPlugins(): readonly string[] {
  return [...loadedUrls];
}

/** Registers all parts of a plugin in this thread. @throws PffError `usage` for a bad name. */
export function registerPlugin(plugin: Plugin): void {
  for (const [name, part] of Object.entries(plugin.objectives ?? {})) registerObjective(name, part);
  for (const [name, part] of Object.entries(plugin.goodnesses ?? {})) registerGoodness(name, part);
  for (const [name, part] of Object.entries(plugin.negatives ?? {})) registerNegatives(name, part);
  for (const [name, part] of Object.entries(plugin.schedules ?? {})) registerSchedule(name, part);
  for (const [name, part] of Object.entries(plugin.stores ?? {})) registerStore(name, part);
  for (const [name, part] of Object.entries(plugin.datasets ?? {})) registerDataset(name, part);
}

/**
 * Loads plugin modules: each has a `Plugin` as its default export, or registers its parts itself.
 * @param files paths of JavaScript files, or URLs.
 * @throws PffError `usage` if one cannot be loaded.
 */
export async function loadPlugins(files: readonly string[]): Promise<void> {
  for (const file of files) {
    loadedUrls.add(pluginUrl(file));
    // A program that names itself, so that worker threads load it, has registered its parts before it came here; it cannot
    // wait for its own import.
    if (isMainThread && isProgram(file)) continue;
    let loaded: { readonly default?: unknown };
    try {
      loaded = (await import(pluginUrl(file))) as typeof loaded;
    } catch (error) {
      throw new PffError('usage', `plugin ${file} cannot be loaded: ${messageOf(error)}`, {
        hint: 'It must be an ES module (.mjs, or .js with "type": "module").',
        cause: error,
      });
    }
    if (typeof loaded.default === 'object' && loaded.default !== null) registerPlugin(loaded.default);
  }
}

function isProgram(file: string): boolean {
  const program = process.argv[1];
  return program !== undefined && existsSync(program) && pluginUrl(file) === pathToFileURL(realpathSync(program)).href;
}

/** The same module whatever folder a thread or a later process is in. */
export function pluginUrl(file: string): string {
  return /^(file|data):/.test(file) ? file : pathToFileURL(path.resolve(file)).href;
}
