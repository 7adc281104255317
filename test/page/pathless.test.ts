/** What a page tells of a run has no folders of the machine in it. */
import { expect, it } from 'vitest';
import { packEvent } from '../../src/page/pack-event.js';
import { pathless } from '../../src/page/pathless.js';

it.each([
  ['no space left: /home/me/runs/a/checkpoint.bin (disk full)', 'no space left: …/checkpoint.bin (disk full)'],
  ["ENOENT: open '/home/me/data/x.png', again", "ENOENT: open '…/x.png', again"],
  ['Give C:\\Users\\me\\data or D:/data/set.', 'Give …/data or …/set.'],
  ['file:///home/me/plugin.mjs failed at line 3', '…/plugin.mjs failed at line 3'],
  ["stat '/home/me/My Runs/secret/a' failed", "stat '…/a' failed"],
  ['error:/home/me/x, see http://[::1]/a/b/c', 'error:…/x, see http://[::1]/a/b/c'],
  ['</script><script>a=1</script>', '</script><script>a=1</script>'],
  ['/home/me/runs/: not a folder', '…/: not a folder'],
  ['see https://example.org/a/b/c and 3/4 of 1/2', 'see https://example.org/a/b/c and 3/4 of 1/2'],
  ['server nats://10.0.0.1:4222 is away; c3.l1/head', 'server nats://10.0.0.1:4222 is away; c3.l1/head'],
])('%s', (text, shown) => {
  expect(pathless(text)).toBe(shown);
});

it('events that carry the words of a system error', () => {
  const reason = "EACCES: permission denied, open '/home/me/secret/run/checkpoint/state'";
  const events = [
    { type: 'checkpoint-failed', reason },
    { type: 'node-died', node: 1, reason, deaths: 1, at: 2 },
    { type: 'notice', text: reason, at: 2 },
    { type: 'resumed', done: [], damaged: [{ file: '/home/me/secret/c0.l1', reason }] },
  ] as const;
  for (const event of events) expect(JSON.stringify(packEvent(event, 'run'))).not.toContain('secret');
});
