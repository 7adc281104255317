/** Serves the page of one run folder, from a thread of its own. */
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { decodeError, type EncodedError } from '../error-codec.js';
import { PffError } from '../errors.js';
import { checkOptions } from '../known-options.js';
import { loadedPlugins } from '../node/threads/plugins.js';
import { EVENTS_FILE, MODEL_FILE } from '../run/folder.js';
import { localRunFolders } from '../run/list-runs.js';
import { startThread } from '../node/threads/thread.js';
import { isLoopback } from './access.js';
import { cannotServe } from './cannot-serve.js';

/** Which run to show, and on which address. */
export interface PageOptions {
  /** The run folder, whose log need not be there yet; or a folder with several runs in it, for the page that compares them. */
  readonly folder: string;
  /** The folder itself need not be there yet either: somebody is about to make it. Default false. */
  readonly awaited?: boolean | undefined;
  /** Default: 8377, or the next that is free. */
  readonly port?: number | undefined;
  /** Address to listen on; other than loopback only with a token. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Needed by every reader; where `host` is not loopback, one is made up if none is given. */
  readonly token?: string | undefined;
  /** Analyse the network of a finished run whose log has no analysis of it. Default true. */
  readonly analyse?: boolean | undefined;
  /** Where the run's dataset lies, for the analysis. */
  readonly dataDir?: string | undefined;
}

const TOKEN = /^[\w-]{8,200}$/;

export interface ServerSetup {
  readonly folder: string;
  /** It is a folder of runs. */
  readonly many: boolean;
  readonly port: number | undefined;
  readonly host: string;
  readonly token: string | undefined;
  readonly analyse: boolean;
  readonly dataDir: string | undefined;
  /** URLs of the plugins that this thread has loaded. */
  readonly plugins: readonly string[];
}

export type ServerAnswer =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'failed'; readonly error: EncodedError };

/** A page that is being served. */
export interface Page {
  /** Where a browser on this machine opens it, token included. */
  readonly url: string;
  /** Stops serving, after a moment for readers that are behind. */
  close(): Promise<void>;
}

/**
 * Whether the page could be served, in milliseconds: for those who begin something long for it.
 * @throws PffError as `servePage`, except that nothing was found out about ports where none was asked for
 */
export async function checkPage(options: PageOptions): Promise<void> {
  checkOptions('servePage', options, {
    folder: true,
    awaited: true,
    port: true,
    host: true,
    token: true,
    analyse: true,
    dataDir: true,
  });
  const { folder, host = '127.0.0.1', port, token } = options;
  const there = existsSync(folder);
  if (there ? !statSync(folder).isDirectory() : !options.awaited)
    throw new PffError('files', `there is no run folder ${folder}`, { hint: 'Give the folder that pff train made.' });
  if (token !== undefined && !TOKEN.test(token))
    throw new PffError('usage', "the page's token must be 8 to 200 letters, digits, dashes or underscores");
  // A folder without a log would be waited for in vain.
  if (there && !options.awaited && !existsSync(path.join(folder, EVENTS_FILE)) && !holdsRuns(folder)) {
    const imported = existsSync(path.join(folder, MODEL_FILE));
    throw new PffError(
      'files',
      `${folder} has no ${EVENTS_FILE} to show${imported ? ': its model was imported or fetched, not trained there' : ''}`,
      {
        hint: imported
          ? `pff eval and pff predict open it.`
          : 'Give the folder that pff train made, or one with several of them in it.',
      },
    );
  }
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error) => reject(cannotServe('page', { host, port }, error)));
    probe.listen(port ?? 0, host, () => probe.close(() => resolve()));
  });
}

/** Whether there are runs in it, and it is none itself. */
function holdsRuns(folder: string): boolean {
  return !existsSync(path.join(folder, EVENTS_FILE)) && localRunFolders(folder).length > 0;
}

/** @throws PffError `files` where there is no such folder, `usage` for an address or port that cannot be had. */
export async function servePage(options: PageOptions): Promise<Page> {
  const { folder, host = '127.0.0.1' } = options;
  await checkPage(options);
  const token = options.token ?? (isLoopback(host) ? undefined : randomBytes(16).toString('hex'));
  const setup: ServerSetup = {
    folder: path.resolve(folder),
    many: !options.awaited && holdsRuns(folder),
    port: options.port,
    host,
    token,
    analyse: options.analyse ?? true,
    dataDir: options.dataDir,
    plugins: loadedPlugins(),
  };
  const worker = startThread({ entry: 'page/server-thread.js', name: 'pff page', setup });
  // From the start: a thread that has ended says so once only.
  const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    const failed = (error: unknown): void =>
      reject(error instanceof PffError ? error : cannotServe('page', { host, port: options.port }, error));
    worker.once('error', failed);
    worker.once('message', (answer: ServerAnswer) => {
      if (answer.type === 'listening') resolve(answer.port);
      else failed(decodeError(answer.error));
    });
  });
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  const name = shown.includes(':') ? `[${shown}]` : shown;
  return {
    url: `http://${name}:${port}/${token === undefined ? '' : `?token=${token}`}`,
    async close() {
      worker.postMessage('close');
      await gone;
    },
  };
}
