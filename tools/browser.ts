/** One real browser, for tests of a page and for its bench. Whatever it asks for from another host, and whatever it complains about, is kept. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { CHROMIUM_ARGUMENTS, chromiumFile } from './chromium.js';

export class TestBrowser {
  readonly #context: BrowserContext;
  readonly #profile: string;
  /** Requests to any but this machine, files and data. */
  readonly strangers: string[] = [];
  /** Errors that scripts threw, and that the page's policy reported. */
  readonly complaints: string[] = [];

  private constructor(context: BrowserContext, profile: string) {
    this.#context = context;
    this.#profile = profile;
    context.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (protocol.startsWith('http') && hostname !== '127.0.0.1') this.strangers.push(request.url());
    });
  }

  /** @param more arguments besides those of every test */
  static async start(...more: readonly string[]): Promise<TestBrowser> {
    const profile = mkdtempSync(path.join(os.tmpdir(), 'pff-browser-'));
    const options = { executablePath: chromiumFile(), args: [...CHROMIUM_ARGUMENTS, ...more], headless: true };
    return new TestBrowser(await chromium.launchPersistentContext(profile, options), profile);
  }

  async open(url: string, width = 1280): Promise<Page> {
    const page = await this.#context.newPage();
    await page.setViewportSize({ width, height: 900 });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      // A server that is away is part of the test.
      if (message.type() === 'error' && !message.text().includes('ERR_CONNECTION'))
        this.complaints.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  /** As if the computer slept: nothing of the browser runs until what is returned is called. */
  async sleep(): Promise<() => void> {
    const session = await this.#context.browser()?.newBrowserCDPSession();
    const { processInfo = [] } = (await session?.send('SystemInfo.getProcessInfo')) ?? {};
    const ids = processInfo.map(({ id }) => id);
    for (const id of ids) process.kill(id, 'SIGSTOP');
    return () => {
      for (const id of ids) process.kill(id, 'SIGCONT');
    };
  }

  async close(): Promise<void> {
    await this.#context.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }
}
