/** NATS's own ways to say who one is: TLS with an authority of our own, user and password, token, nkey, credentials. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRuns, runStatus, stopRun } from '../../src/run/cluster/manage.js';
import type { ServerOptions } from '../../src/store/nats/server-options.js';
import { Fleet, follow, sequentialDigest } from './fleet.js';
import { sleep } from './server.js';

type KeyPair = ReturnType<typeof nkeys.createUser>;
const fleet = new Fleet();
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-access-'));
});
afterAll(async () => {
  await fleet.end();
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string): string => path.join(folder, name);

function write(name: string, text: string): string {
  writeFileSync(file(name), text);
  return file(name);
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe', cwd: folder });
}

/** An authority, and a certificate that it signed for this machine and one for a client. */
function makeCertificates(): void {
  const subject = (name: string): string[] => ['-subj', `/CN=${name}`];
  for (const ca of ['ca', 'other-ca'])
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '1',
      '-keyout',
      `${ca}.key`,
      '-out',
      `${ca}.pem`,
      ...subject(ca),
    );
  write('san', 'subjectAltName = IP:127.0.0.1, DNS:localhost');
  for (const [who, ca] of [
    ['server', 'ca'],
    ['client', 'ca'],
    ['new-server', 'other-ca'],
    ['new-client', 'other-ca'],
  ] as const) {
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${who}.key`, '-out', `${who}.csr`, ...subject(who));
    openssl(
      'x509',
      '-req',
      '-in',
      `${who}.csr`,
      '-CA',
      `${ca}.pem`,
      '-CAkey',
      `${ca}.key`,
      '-CAcreateserial',
      '-days',
      '1',
      '-extfile',
      'san',
      '-out',
      `${who}.pem`,
    );
  }
}

/** A JSON Web Token as NATS has them. */
function jwt(issuer: KeyPair, subject: KeyPair, name: string, nats: object): string {
  const encode = (value: object | Uint8Array): string =>
    Buffer.from(value instanceof Uint8Array ? value : JSON.stringify(value)).toString('base64url');
  const iat = Math.floor(Date.now() / 1000);
  const claims = {
    jti: name,
    iat,
    iss: issuer.getPublicKey(),
    name,
    sub: subject.getPublicKey(),
    nats: { version: 2, ...nats },
  };
  const text = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(claims)}`;
  return `${text}.${encode(issuer.sign(Buffer.from(text)))}`;
}

/** The lines of a server's configuration, and the text of a user's credentials file. */
function operatorMode(): { config: string; creds: string } {
  const [operator, account, system, user] = [
    nkeys.createOperator(),
    nkeys.createAccount(),
    nkeys.createAccount(),
    nkeys.createUser(),
  ] as [KeyPair, KeyPair, KeyPair, KeyPair];
  const open = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1, leaf: -1, wildcards: true };
  const store = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const accountJwt = jwt(operator, account, 'PFF', { type: 'account', limits: { ...open, ...store } });
  const systemJwt = jwt(operator, system, 'SYS', { type: 'account', limits: open });
  const userJwt = jwt(account, user, 'node', { type: 'user', subs: -1, data: -1, payload: -1, pub: {}, sub: {} });
  const config = `
    operator: ${jwt(operator, operator, 'O', { type: 'operator' })}
    system_account: ${system.getPublicKey()}
    resolver: MEMORY
    resolver_preload: { ${account.getPublicKey()}: ${accountJwt}, ${system.getPublicKey()}: ${systemJwt} }`;
  const seed = Buffer.from(user.getSeed()).toString();
  const creds = `-----BEGIN NATS USER JWT-----\n${userJwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
  return { config, creds };
}

const refused = (given: ServerOptions, text: RegExp): Promise<void> => expect(listRuns(given)).rejects.toThrow(text);

describe('access', () => {
  beforeAll(makeCertificates);

  it('TLS with a client certificate, user and password or an nkey: a whole run; and what is refused', async () => {
    const key = nkeys.createUser();
    const at = await fleet.server(`
      tls { cert_file: "${file('server.pem')}", key_file: "${file('server.key')}", ca_file: "${file('ca.pem')}", verify: true }
      authorization { users = [ { user: one, password: secret }, { nkey: ${key.getPublicKey()} } ] }`);
    const server = `tls://127.0.0.1:${at.port}`;
    const tls = { server, tlsCa: file('ca.pem'), tlsCert: file('client.pem'), tlsKey: file('client.key') };
    const nkey = write('one.nk', Buffer.from(key.getSeed()).toString());
    const sequential = await sequentialDigest();
    const cert = ['--tls-ca', tls.tlsCa, '--tls-cert', tls.tlsCert, '--tls-key', tls.tlsKey];
    fleet.pff('node', '--server', server, ...cert, '--nkey', nkey, '--threads', '1');
    expect((await follow({ ...tls, user: 'one', password: 'secret' })).digest).toBe(sequential);

    const user = { user: 'one', password: 'secret' };
    await refused({ ...tls, user: 'one', password: 'wrong' }, /refused this user: .*uthorization/i);
    await refused({ ...tls, nkey: write('bad.nk', 'none') }, /--nkey \S+ holds no nkey seed/);
    const stranger = write('stranger.nk', Buffer.from(nkeys.createUser().getSeed()).toString());
    await refused({ ...tls, nkey: stranger }, /refused this user/);
    await refused({ ...tls, ...user, tlsCa: file('other-ca.pem') }, /no secure connection to .*certificate/);
    await refused({ server, ...user, tlsCa: tls.tlsCa }, /no secure connection|cannot reach the server|certificate/);
    await refused({ ...tls, ...user, tlsCa: file('nothing.pem') }, /cannot read --tls-ca/);
  });

  it('a token, in the command line or the environment', async () => {
    const at = await fleet.server('authorization { token: right }');
    expect(await listRuns({ server: at.url, token: 'right' })).toEqual([]);
    await refused({ server: at.url, token: 'wrong' }, /refused this user: .*uthorization/i);
    await refused({ server: at.url }, /refused this user: .*uthorization/i);
  });

  it('a credentials file of an account that an operator signed', async () => {
    const { config, creds } = operatorMode();
    const at = await fleet.server(config);
    expect(await listRuns({ server: at.url, creds: write('node.creds', creds) })).toEqual([]);
    const strange = write('strange.creds', operatorMode().creds);
    await refused({ server: at.url, creds: strange }, /refused this user: .*uthorization/i);
    await refused({ server: at.url, creds: file('nothing.creds') }, /cannot read --creds/);
  });
});

describe('access that changes while a run goes on', () => {
  it('a server that refuses everybody for a while is waited for, and the reason told', async () => {
    const config = 'authorization { users = [ { user: one, password: secret } ] }';
    const at = await fleet.server(config);
    const node = fleet.node(at, '--user', 'one', '--password', 'secret');
    const { digest, notices } = await follow(
      { server: at.url, user: 'one', password: 'secret' },
      {
        4: async () => {
          at.reload('authorization { users = [ { user: other, password: secret } ] }');
          await sleep(3000);
          at.reload(config);
        },
      },
    );
    expect(digest).toBe(await sequentialDigest());
    for (const text of [notices, node.text])
      expect(text).toMatch(/waiting: the server refuses this user for now: .*uthorization.*trying again/i);
    expect(node.child.exitCode).toBe(null);
  });

  it('keys and certificates that are exchanged are read again', async () => {
    const names = ['server', 'client'].flatMap((who) => [`${who}.pem`, `${who}.key`]);
    const used = (name: string): string => file(`used-${name}`);
    for (const name of names) copyFileSync(file(name), used(name));
    copyFileSync(file('ca.pem'), used('ca.pem'));
    const [first, second] = [nkeys.createUser(), nkeys.createUser()] as const;
    const nkey = write('used.nk', Buffer.from(first.getSeed()).toString());
    const config = (user: KeyPair): string => `
      tls { cert_file: "${used('server.pem')}", key_file: "${used('server.key')}", ca_file: "${used('ca.pem')}", verify: true }
      authorization { users = [ { nkey: ${user.getPublicKey()} } ] }`;
    const at = await fleet.server(config(first));
    const server = `tls://127.0.0.1:${at.port}`;
    const tls = { server, nkey, tlsCa: used('ca.pem'), tlsCert: used('client.pem'), tlsKey: used('client.key') };
    const flags = ['--tls-ca', tls.tlsCa, '--tls-cert', tls.tlsCert, '--tls-key', tls.tlsKey, '--nkey', nkey];
    fleet.pff('node', '--server', server, ...flags, '--threads', '1');
    const { digest } = await follow(tls, {
      4: () => {
        for (const name of names) copyFileSync(file(`new-${name}`), used(name));
        copyFileSync(file('other-ca.pem'), used('ca.pem'));
        // For a moment there is no seed in it.
        writeFileSync(nkey, '');
        at.reload(config(second));
        setTimeout(() => writeFileSync(nkey, second.getSeed()), 700);
      },
    });
    expect(digest).toBe(await sequentialDigest());
  });
});

describe('a server without JetStream', () => {
  it.each([
    ['at all', 'jetstream: false', {}],
    [
      "in the user's account",
      'accounts { A: { users: [ { user: one, password: one } ] } }',
      { user: 'one', password: 'one' },
    ],
  ])('%s: every command says so at once', async (_, config, user) => {
    const at = await fleet.server(config);
    const server = { server: at.url, ...user };
    const flags = Object.entries(user).flatMap(([name, value]) => [`--${name}`, value]);
    const refusal = /the server nats:\S+ has no JetStream for this user/;
    const started = performance.now();
    await refused(server, refusal);
    await expect(runStatus(server, 'r1')).rejects.toThrow(refusal);
    await expect(stopRun(server, 'r1')).rejects.toThrow(refusal);
    await expect(follow(server)).rejects.toThrow(refusal);
    expect(performance.now() - started).toBeLessThan(10_000);
    const node = fleet.node(at, ...flags);
    expect(await node.exited).toBe(1);
    expect(node.text).toMatch(refusal);
    expect(node.text).toContain('nats-server -js');
  });
});
