/** Options of a run that browsers take part in by a link, and offering it: for `pff share` and `pff train --share`. */
import { renderUnicodeCompact } from 'uqr';
import { messageOf, PffError } from '../../errors.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import type { SharedByLink, ShareOptions } from '../../page/share/share.js';
import { checkPort } from './page-flags.js';
import { numberFlag, textFlag, type ValuesOf } from './flags.js';

const group = 'Browsers as nodes';

export const shareFlags = {
  expires: {
    ...numberFlag('MINUTES', 'how long the link lets browsers in; those that came in time stay', { above: 0 }),
    group,
    shownDefault: '60',
  },
  browsers: {
    ...numberFlag('N', 'browsers that the link lets in; 1: the first one uses it up', { whole: true, least: 1 }),
    group,
    shownDefault: '64',
  },
  'https-cert': { ...textFlag('FILE', 'PEM file with a certificate: serve the page over HTTPS'), group },
  'https-key': { ...textFlag('FILE', 'PEM file with its key'), group },
  'public-url': {
    ...textFlag('URL', 'where browsers reach the page if that is a proxy before it, such as https://example.org'),
    group,
  },
};

type Given = ValuesOf<typeof shareFlags> & {
  readonly quiet?: true;
  readonly port?: number;
  readonly host?: string;
  readonly data?: string;
  readonly 'data-dir'?: string;
};

/** @throws PffError `usage` for a port that is none */
export function askedShare(given: Given): Omit<ShareOptions, 'server' | 'run'> {
  checkPort(given.port);
  return {
    port: given.port,
    host: given.host,
    expires: given.expires,
    browsers: given.browsers,
    httpsCert: given['https-cert'],
    httpsKey: given['https-key'],
    publicUrl: given['public-url'],
    data: given.data,
    dataDir: given['data-dir'],
  };
}

/** Where lines go; a terminal shows the link as a picture, too. */
export interface Lines {
  readonly isTerminal: boolean;
  line(text: string): void;
}

/** The link as a picture, where a phone can take it from a screen. */
export function showCode(url: string, stream: Lines): void {
  if (stream.isTerminal) stream.line(renderUnicodeCompact(url, { border: 2 }));
}

/** A run that this program submits, and offers to browsers from then on until it ends. */
export class Sharing {
  readonly #options: ShareOptions;
  readonly #again: string;
  #opening: Promise<SharedByLink | undefined> | undefined;
  #stream: Lines | undefined;

  /** @param again the command that offers the run another time */
  constructor(server: ServerOptions, run: string, given: Given, again: string) {
    this.#again = again;
    this.#options = { ...askedShare(given), server, run, say: (line) => given.quiet || this.#stream?.line(line) };
  }

  /** Whatever is said goes to `stream`. */
  sayTo(stream: Lines): void {
    this.#stream = stream;
  }

  /** The run is on the server: prints the link. Never rejects; the run goes on whether browsers come or not. */
  submitted(): void {
    this.#opening = this.#open();
  }

  /** @param finished whether the run is over: then browsers see its end before the page goes */
  async end(finished: boolean): Promise<void> {
    const shared = await this.#opening;
    this.#opening = undefined;
    if (!shared) return;
    if (finished) await shared.ended.catch(() => {});
    else this.#stream?.line(`browsers cannot take part any more; ${this.#again} lets them`);
    await shared.close();
  }

  async #open(): Promise<SharedByLink | undefined> {
    const stream = this.#stream;
    try {
      // Only here: other runs need no server of pages.
      const { shareRun } = await import('../../page/share/share.js');
      const shared = await shareRun(this.#options);
      stream?.line(`browsers take part at ${shared.url}`);
      if (stream) showCode(shared.url, stream);
      return shared;
    } catch (error) {
      const hint = error instanceof PffError && error.hint !== undefined ? ` ${error.hint}` : '';
      stream?.line(
        `no browsers can take part: ${messageOf(error)}.${hint} The run goes on; ${this.#again} tries again.`,
      );
      return undefined;
    }
  }
}
