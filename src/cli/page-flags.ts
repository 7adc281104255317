/** Options of the live page, and opening it in a browser. */
import { spawn } from 'node:child_process';
import { PffError, servePage, type Page } from '../index.js';
import { numberFlag, textFlag } from './flags.js';
import type { TextStream } from './output.js';

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
  more: { readonly analyse?: boolean; readonly dataDir?: string | undefined; readonly browser: boolean },
): Promise<Page> {
  if (flags.port !== undefined && flags.port > 65535)
    throw new PffError('usage', `--port must be at most 65535, but is ${flags.port}`);
  const token = flags['page-token'] ?? (process.env['PFF_PAGE_TOKEN'] || undefined);
  const page = await servePage({
    folder,
    port: flags.port,
    host: flags.host,
    token,
    analyse: more.analyse,
    dataDir: more.dataDir,
  });
  out.line(`page at ${page.url}`);
  if (more.browser) openBrowser(page.url);
  return page;
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
