/** The page's server, in a worker thread of its own: reads the run folder and answers browsers, whatever training does. */
import os from 'node:os';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { encodeError } from '../error-codec.js';
import { messageOf } from '../errors.js';
import { loadPlugins } from '../node/threads/plugins.js';
import { pageApp } from './app.js';
import { pageFiles } from './document.js';
import { closeServer, listen } from './listen.js';
import { RunFeed } from './run-feed.js';
import { lastChapter, shownLook } from './run-view.js';
import type { ServerAnswer, ServerSetup } from './serve.js';

/** How often the log is read, and so how often readers are told: each time takes a moment from training. */
const POLL_MS = 1000;
/** Of a long log, read between two answers to browsers: a fraction of a second's work. */
const PIECE_BYTES = 16 << 20;
/** Of this thread only, so that it does not hold up the threads that train. 0 is usual, 19 the least. */
const NICENESS = 10;

const setup = workerData as ServerSetup;
const port = parentPort as MessagePort;

function say(answer: ServerAnswer): void {
  port.postMessage(answer);
}

try {
  stepBack();
  await loadPlugins(setup.plugins);
  await (setup.many ? serveMany() : serveOne());
} catch (error) {
  say({ type: 'failed', error: encodeError(error) });
  port.close();
}

/** On Linux a priority is a thread's own; elsewhere it would be the whole program's. */
function stepBack(): void {
  if (process.platform === 'linux') os.setPriority(0, NICENESS);
}

/** The page of a folder of runs: read when a reader asks, so that there is nothing to follow but the runs that were opened. */
async function serveMany(): Promise<void> {
  const { RunsFeed } = await import('./runs/runs-feed.js');
  const { runsApp } = await import('./runs/runs-app.js');
  const feed = new RunsFeed(setup.folder);
  const { server, port: listening } = await listen(runsApp(feed, pageFiles(), setup.token), setup);
  const timer = setInterval(() => {
    try {
      feed.poll();
    } catch {
      // A log that cannot be read now may be later.
    }
  }, POLL_MS);
  port.on('message', () => {
    clearInterval(timer);
    feed.end();
    closeServer(server, () => port.close());
  });
  say({ type: 'listening', port: listening });
}

/** The page of one run. */
async function serveOne(): Promise<void> {
  const feed = new RunFeed(setup.folder, PIECE_BYTES);
  const { server, port: listening } = await listen(pageApp(feed, pageFiles(), setup.token), setup);
  let looked = false;
  const look = async (): Promise<void> => {
    if (looked || !setup.analyse || feed.view.status !== 'finished') return;
    looked = true;
    if (shownLook(feed.view)?.chapter === lastChapter(feed.view)) return;
    // Only here: it takes much more of the program, which training's page has no use for.
    const { lookAtRun } = await import('./look-at-run.js');
    feed.add([await lookAtRun(setup.folder, feed.view, setup.dataDir)]);
  };
  let told = '';
  const tell = (error: unknown): void => {
    const text = `The page could not be brought up to date: ${messageOf(error)}`;
    if (text === told) return;
    told = text;
    feed.add([{ type: 'remark', text }]);
  };
  // A log that cannot be read now may be later: the page stays, and says so.
  const poll = (mostBytes?: number): boolean => {
    try {
      return feed.poll(mostBytes);
    } catch (error) {
      tell(error);
      return false;
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const follow = (): void => {
    const more = poll(PIECE_BYTES);
    if (!more) look().catch(tell);
    timer = setTimeout(follow, more ? 0 : POLL_MS);
  };
  port.on('message', () => {
    clearTimeout(timer);
    poll();
    feed.end();
    closeServer(server, () => port.close());
  });
  say({ type: 'listening', port: listening });
  follow();
}
