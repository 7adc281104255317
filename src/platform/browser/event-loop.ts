/** Giving way to the event loop, in a browser: by a message to oneself, since timers wait 4 ms, and a second in hidden tabs. */

const waiting: (() => void)[] = [];
let channel: ReturnType<typeof openChannel> | undefined;

/** Resolves once signals, messages and timers that wait have had their turn. */
export function yieldToEvents(): Promise<void> {
  channel ??= openChannel();
  const { port2 } = channel;
  return new Promise((resolve) => {
    waiting.push(resolve);
    port2.postMessage(undefined);
  });
}

/** Browsers do not count listeners. */
export function expectManyListeners(..._signals: readonly AbortSignal[]): void {}

function openChannel() {
  const opened = new MessageChannel();
  opened.port1.addEventListener('message', () => waiting.shift()?.());
  opened.port1.start();
  return opened;
}
