/** Options of the live page, and opening it in a browser. */
import { spawn } from 'node:child_process';
import { PffError } from '../../errors.js';
import { checkPage, type Page, type PageOptions, servePage } from '../../page/serve.js';
import { numberFlag, textFlag } from './flags.js';
import type { TextStream } from '../terminal/output.js';

const group = 'Page';

export const pageFlags = {
  port: {
    ...numberFlag('N', 'port of the page', { whole: true, least: 0 }),
    group,
    shownDefault: '8377, or the next free one',
  },
  host: {
    ...textFlag('ADDRESS', 'let other machines see the page, too: listen on this address; they need its token'),
    group,
    shownDefault: '127.0.0.1',
  },
  'page-token': {
    ...textFlag('TEXT', 'token of the page; or $PFF_PAGE_TOKEN'),
    group,
    shownDefault: 'with --host: made up and printed',
  },
};

export type PageFlags = { readonly port?: number; readonly host?: string; readonly 'page-token'?: string };

/** Serves the page of `folder`, says where, and opens it if there is a browser to do so. */
export async function openPage(
  folder: string,
  flags: PageFlags,
  out: TextStream,
  more: { readonly dataDir?: string | undefined; readonly browser: boolean },
): Promise<Page> {
  const page = await servePage({ ...optionsOf(folder, flags), dataDir: more.dataDir });
  announce(page, out, more.browser);
  return page;
}

/**
 * Begins to serve the page of a run that is about to begin, while that reads its data: later it would take time from training.
 * What is wrong with the options is thrown at once, before the run makes its folder.
 */
export async function awaitPage(folder: string, flags: PageFlags): Promise<AwaitedPage> {
  // Training itself looks into the network.
  const options = { ...optionsOf(folder, flags), awaited: true, analyse: false };
  await checkPage(options);
  const opening = servePage(options);
  // Whoever shows or closes it is told.
  opening.catch(() => {});
  let url = '';
  return {
    get url() {
      return url;
    },
    async show(out) {
      const page = await opening;
      url = page.url;
      announce(page, out, true);
    },
    async close() {
      await (await opening.catch(() => undefined))?.close();
    },
  };
}

export interface AwaitedPage {
  /** Where it is, once it was shown. */
  readonly url: string;
  /** Says where the page is, and opens it in a browser. @throws PffError if it cannot be served after all */
  show(out: TextStream): Promise<void>;
  close(): Promise<void>;
}

function optionsOf(folder: string, flags: PageFlags): PageOptions {
  checkPort(flags.port);
  const token = flags['page-token'] ?? (process.env['PFF_PAGE_TOKEN'] || undefined);
  return { folder, port: flags.port, host: flags.host, token };
}

/** @throws PffError `usage` */
export function checkPort(port: number | undefined): void {
  if (port !== undefined && port > 65535)
    throw new PffError('usage', `--port must be at most 65535, but is ${port}`, {
      hint: 'Give another, or 0 for any free one.',
    });
}

function announce({ url }: Page, out: TextStream, browser: boolean): void {
  out.line(`page at ${url}`);
  if (browser) openBrowser(url);
}

/** Asks the desktop to open `url`. Where there is none, the printed address has to do. */
function openBrowser(url: string): void {
  const { platform, env } = process;
  const desktop = platform === 'darwin' || platform === 'win32' || env['DISPLAY'] || env['WAYLAND_DISPLAY'];
  if (!desktop) return;
  const command = platform === 'darwin' ? 'open' : platform === 'win32' ? 'explorer.exe' : 'xdg-open';
  const child = spawn(command, [url], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
