/** Three hosts in network namespaces on a bridge of their own: one link is cut, and healed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { Fleet, follow, sequentialDigest, spec } from './fleet.js';
import { Pff, sleep } from './server.js';

const fleet = new Fleet();
const BRIDGE = `pffbr${process.pid % 10_000}`;
/** A network that is hardly anybody's. */
const address = (host: number): string => `10.213.${process.pid % 250}.${host}`;
/** Eight times as long: the cut must be noticed before the other nodes have done all that is left, however fast they are. */
const longer = { ...spec, epochs: 48, splits: 48 };
let sequential = '';
let missing = '';

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

/** A bridge of this machine (host 1, which has the server) with two namespaces on it. @throws where that is not allowed */
function openHosts(): string[] {
  if (spawnSync('ip', ['-V']).status !== 0) execFileSync('apt-get', ['install', '-y', 'iproute2'], { stdio: 'pipe' });
  ip('link', 'add', BRIDGE, 'type', 'bridge');
  fleet.atEnd(() => ip('link', 'del', BRIDGE));
  ip('addr', 'add', `${address(1)}/24`, 'dev', BRIDGE);
  ip('link', 'set', BRIDGE, 'up');
  return [2, 3].map((host) => {
    const name = `${BRIDGE}h${host}`;
    const link = linkOf(host);
    ip('netns', 'add', name);
    fleet.atEnd(() => ip('netns', 'del', name));
    ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('link', 'set', link, 'master', BRIDGE);
    ip('link', 'set', link, 'up');
    for (const args of [
      ['addr', 'add', `${address(host)}/24`, 'dev', 'eth0'],
      ['link', 'set', 'eth0', 'up'],
      ['link', 'set', 'lo', 'up'],
    ])
      ip('-n', name, ...args);
    return name;
  });
}

/** A node that is not there yet could not be missed by anybody. */
async function joined(node: Pff): Promise<void> {
  for (const end = Date.now() + 20_000; !node.text.includes('joined run') && Date.now() < end;) await sleep(20);
}

const linkOf = (host: number): string => `${BRIDGE}v${host}`;

beforeAll(async () => {
  sequential = await sequentialDigest(longer);
});
afterEach(() => fleet.end());

it('hosts whose link is cut for longer than a lease, and healed', async (context) => {
  let hosts: string[] = [];
  try {
    hosts = openHosts();
  } catch (error) {
    missing = `this machine allows no network namespaces (that takes root and iproute2): ${String(error)}`;
  }
  if (missing !== '') context.skip(missing);
  const at = await fleet.server('', undefined, '0.0.0.0');
  const url = `nats://${address(1)}:${at.port}`;
  const nodes = hosts.map(
    (host) => new Pff('node', '--server', url, '--threads', '1', { within: ['ip', 'netns', 'exec', host] }),
  );
  for (const node of nodes) fleet.atEnd(() => node.end());
  fleet.node(at);
  const { digest, notices } = await follow(
    { server: at.url },
    {
      4: async () => {
        await joined(nodes[0] as Pff);
        ip('link', 'set', linkOf(2), 'down');
        await sleep(5000);
        ip('link', 'set', linkOf(2), 'up');
      },
    },
    { nodes: 3, spec: longer },
  );
  expect(digest).toBe(sequential);
  expect(notices).toMatch(/is gone/);
}, 120_000);
