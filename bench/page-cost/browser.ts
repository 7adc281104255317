/**
 * A browser of our own, started before the training that it shows, as a user's is: so only its page is counted, not its start.
 * Debian's chromium without a GPU, which is the dearest case: every drawing is done by the CPU.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHROMIUM_ARGUMENTS, chromiumFile } from '../../tools/chromium.js';
import { family, processSeconds } from './processes.js';

const ARGUMENTS = ['--headless=new', ...CHROMIUM_ARGUMENTS, '--window-size=1280,900', '--remote-debugging-port=0'];
/** Until a started browser has come to rest. */
const SETTLE_MS = 4000;

export class Browser {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #port: number;
  #counted = 0;

  private constructor(started: ChildProcess, profile: string, port: number) {
    this.#process = started;
    this.#profile = profile;
    this.#port = port;
  }

  static async start(): Promise<Browser> {
    const profile = mkdtempSync(path.join(os.tmpdir(), 'pff-bench-browser-'));
    const started = spawn(chromiumFile(), [...ARGUMENTS, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: 'ignore',
    });
    await sleep(SETTLE_MS);
    const [port] = readFileSync(path.join(profile, 'DevToolsActivePort'), 'utf8').split('\n');
    const browser = new Browser(started, profile, Number(port));
    browser.#counted = browser.#total();
    return browser;
  }

  async open(url: string): Promise<void> {
    await fetch(`http://127.0.0.1:${this.#port}/json/new?${url}`, { method: 'PUT' });
  }

  /** CPU seconds of all its processes since it came to rest. */
  seconds(): number {
    return this.#total() - this.#counted;
  }

  /** Holds all of it still, so that it takes no time, or lets it go on. */
  hold(still: boolean): void {
    for (const pid of family(this.#process.pid as number)) process.kill(pid, still ? 'SIGSTOP' : 'SIGCONT');
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill();
    await gone;
    await sleep(500);
    rmSync(this.#profile, { recursive: true, force: true });
  }

  #total(): number {
    return family(this.#process.pid as number).reduce((sum, pid) => sum + processSeconds(pid), 0);
  }
}
