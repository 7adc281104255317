/** Real NATS servers and node processes for tests, on free loopback ports, all of them gone at the end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { natsServer } from '../setup/nats-server.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export class TestServer {
  readonly port: number;
  readonly folder: string;
  #config: string;
  readonly #storeDir: string;
  readonly #host: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string, config: string, storeDir: string | undefined, host: string) {
    this.port = port;
    this.folder = folder;
    this.#config = config;
    this.#storeDir = storeDir ?? path.join(folder, 'js');
    this.#host = host;
  }

  /**
   * @param config more lines for the server's configuration file
   * @param storeDir where JetStream keeps its files, if not in the server's own folder
   * @param host address to listen at
   */
  static async start(config = '', storeDir?: string, host = '127.0.0.1'): Promise<TestServer> {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-nats-'));
    const server = new TestServer(await freePort(), folder, config, storeDir, host);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.#process = spawn(natsServer(), ['-c', this.#writeConfig()], { stdio: 'ignore' });
    for (let i = 0; i < 200 && !(await answers(this.port)); i++) await sleep(25);
  }

  /** Another configuration from now on; users who are not in it any more are put off the line. */
  reload(config: string): void {
    this.#config = config;
    this.#writeConfig();
    this.#process?.kill('SIGHUP');
  }

  #writeConfig(): string {
    const file = path.join(this.folder, 'server.conf');
    const own = `listen: "${this.#host}:${this.port}"\njetstream { store_dir: "${this.#storeDir}" }\n`;
    writeFileSync(file, `${own}${this.#config}\n`);
    return file;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    const gone = new Promise((resolve) => this.#process?.once('exit', resolve));
    this.#process?.kill('SIGKILL');
    await gone;
  }

  wipe(): void {
    rmSync(this.#storeDir, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) await this.kill();
    this.wipe();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1');
    // The server greets by itself once it is ready.
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
    socket.setTimeout(500, () => {
      socket.destroy();
      resolve(false);
    });
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A `pff` process. */
export class Pff {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  /** All that it has printed; what went to standard output alone. */
  text = '';
  out = '';

  /** @param args the command line; `within` is another program that starts it and becomes it, as `ip netns exec` does */
  constructor(...args: (string | { readonly within: readonly string[] })[]) {
    const wrapper = args.flatMap((arg) => (typeof arg === 'string' ? [] : arg.within));
    const words = args.filter((arg) => typeof arg === 'string');
    const [program, ...rest] = [...wrapper, process.execPath, path.join(ROOT, 'bin/pff.js'), ...words];
    this.child = spawn(program as string, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PFF_SERVER: '', NO_COLOR: '1' },
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (data: Buffer) => {
        this.text += data.toString();
      });
    this.child.stdout?.on('data', (data: Buffer) => {
      this.out += data.toString();
    });
    this.exited = new Promise((resolve) => this.child.once('exit', resolve));
  }

  async end(): Promise<void> {
    this.child.kill('SIGCONT');
    this.child.kill('SIGKILL');
    await this.exited;
  }
}
