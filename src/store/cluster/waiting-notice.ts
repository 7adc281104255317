/** Between two words on trouble with the server, whatever each of them is about. */
const TELL_AGAIN_MS = 10_000;

/** Tells, seldom, what is waited for while something is tried again. */
export function waitingNotice(say: (line: string) => void): (error: Error) => void {
  let lastMs = -Infinity;
  return ({ message }) => {
    const now = performance.now();
    if (now - lastMs < TELL_AGAIN_MS) return;
    lastMs = now;
    say(`waiting: ${message}`);
  };
}
