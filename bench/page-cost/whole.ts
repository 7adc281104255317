/** Whole trainings, as a user starts them: without a page, with one that is only read, and with one open in a browser. */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { RunEvent, RunResult } from '../../src/run/events.js';
import { Browser } from './browser.js';
import { processSeconds, threadsOf } from './processes.js';

/** `served`: with nobody looking; `reader`: somebody elsewhere, who takes every event; `browser`: on this machine. */
export const WAYS = ['plain', 'served', 'reader', 'browser'] as const;
export type Way = (typeof WAYS)[number];

export interface WholeRun {
  readonly way: Way;
  readonly trainSeconds: number;
  /** Of them, spent on looks into the network. */
  readonly lookSeconds: number;
  /** From the start of the process to its end. */
  readonly wallSeconds: number;
  /** CPU seconds: of the program, of the page's server within it, of the browser for the page. */
  readonly programSeconds: number;
  readonly serverSeconds: number;
  readonly browserSeconds: number;
  readonly digest: string;
}

/** `options` of pff train; `out` is made and removed. */
export async function wholeRun(way: Way, options: readonly string[], out: string): Promise<WholeRun> {
  rmSync(out, { recursive: true, force: true });
  const browser = way === 'browser' ? await Browser.start() : undefined;
  const left = new AbortController();
  const started = performance.now();
  const page = way === 'plain' ? [] : ['--open'];
  const child = spawn(process.execPath, ['bin/pff.js', 'train', '--json', '--out', out, ...options, ...page], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // No browser of the desktop's.
    env: { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '' },
  });
  const pid = child.pid as number;
  let [stdout, stderr, looked] = ['', '', false];
  let at = { program: 0, server: 0, browser: 0 };
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    const url = /page at (\S+)\n/.exec(stderr)?.[1];
    if (url === undefined || looked) return;
    looked = true;
    if (way === 'reader') void readAll(`${url}events`, left.signal);
    if (browser) void browser.open(url);
  });
  child.stdout.on('data', (chunk: Buffer) => {
    // The result is printed while all is still there.
    if (stdout === '')
      at = {
        program: processSeconds(pid),
        // The only thread that has stepped back.
        server: threadsOf(pid).reduce((sum, { nice, seconds }) => sum + (nice > 0 ? seconds : 0), 0),
        browser: browser?.seconds() ?? 0,
      };
    stdout += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const wallSeconds = (performance.now() - started) / 1000;
  left.abort();
  await browser?.close();
  const lookSeconds = code === 0 ? looksIn(path.join(out, 'events.jsonl')) : 0;
  rmSync(out, { recursive: true, force: true });
  if (code !== 0) throw new Error(`pff train ended with ${code}:\n${stderr}`);
  const { trainSeconds, modelDigest } = JSON.parse(stdout) as RunResult;
  return {
    way,
    trainSeconds,
    lookSeconds,
    wallSeconds,
    programSeconds: at.program,
    serverSeconds: at.server,
    browserSeconds: at.browser,
    digest: modelDigest,
  };
}

function looksIn(log: string): number {
  const events = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent);
  const trained = events.findIndex(({ type }) => type === 'trained');
  return events.slice(0, trained).reduce((sum, event) => sum + (event.type === 'analysis' ? event.seconds : 0), 0);
}

async function readAll(url: string, signal: AbortSignal): Promise<void> {
  try {
    const { body } = await fetch(url, { signal });
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    while (!(await reader.read()).done);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
