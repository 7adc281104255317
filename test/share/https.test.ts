/** A shared run over HTTPS: with a certificate that the test makes, in a real browser; and files that are none. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { trainToEnd } from '../../src/run/train.js';
import { TestBrowser } from '../../tools/browser.js';
import { program } from '../../tools/debian-package.js';
import { Fleet, follow } from '../cluster/fleet.js';
import { joined, shared, spec, submitted, tile, writeNoise } from './helpers.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-https-'));
const dataDir = writeNoise(path.join(folder, 'noise'), 200);
const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
const fleet = new Fleet();
let browser: TestBrowser;
beforeAll(async () => {
  const openssl = program('openssl', ['/usr/bin/openssl', '/opt/homebrew/bin/openssl'], 'openssl');
  const made = ['-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=pff'];
  const name = ['-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync(openssl, ['req', '-x509', '-newkey', 'rsa:2048', ...made, ...name], { stdio: 'ignore' });
  browser = await TestBrowser.start('--ignore-certificate-errors');
});
afterEach(async () => fleet.end());
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

it('a tab takes part over wss, with a cookie that never goes over plain HTTP', async () => {
  const small = { ...spec, epochs: 6, splits: 6 };
  const { modelDigest } = await trainToEnd({ spec: small, dataDir, threadsPerNode: 1 });
  const at = await fleet.server();
  const following = follow({ server: at.url }, {}, { spec: small, nodes: 1, dataDir });
  const { url } = await shared(fleet, at, '--data-dir', dataDir, '--https-cert', cert, '--https-key', key);
  expect(url).toMatch(/^https:/);
  const page = await joined(browser, url);
  expect((await following).digest).toBe(modelDigest);
  await page.locator('.status', { hasText: 'finished' }).waitFor();
  expect(Number(await tile(page, 'Contributed'))).toBeGreaterThanOrEqual(18);
  const [cookie] = await page.context().cookies(url);
  expect(cookie).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Strict' });
  expect(await page.evaluate('isSecureContext && crossOriginIsolated')).toBe(true);
  expect(browser.complaints).toEqual([]);
  await page.close();
});

it('files that are no certificate are told apart', async () => {
  const at = await fleet.server();
  await submitted(at, dataDir);
  const broken = path.join(folder, 'broken.pem');
  writeFileSync(broken, 'no certificate');
  for (const [files, text] of [
    [['--https-cert', cert], 'HTTPS takes a certificate and its key'],
    [['--https-cert', cert, '--https-key', path.join(folder, 'none.pem')], 'cannot read'],
    [['--https-cert', broken, '--https-key', key], 'are no certificate with its key'],
  ] as const) {
    const pff = fleet.pff('share', 'test', '--server', at.url, '--port', '0', '--data-dir', dataDir, ...files);
    expect(await pff.exited).not.toBe(0);
    expect(pff.text).toContain(text);
  }
});
