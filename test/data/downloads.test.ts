/** Downloads from a server on this computer: resume, mismatch, servers without ranges, stops, archives. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, request as requestTo } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type CatalogEntry, CATALOG } from '../../src/data/downloads/catalog.js';
import { unpackArchive } from '../../src/data/downloads/unpack.js';
import { type DownloadProgress, getDataset, getEntry, listDatasets } from '../../src/data/downloads/get.js';
import { loadDataset } from '../../src/data/sources/load.js';
import { type FileServer, startFileServer } from './file-server.js';
import { cifarFiles, writeIdxFolder } from './fixtures.js';
import { describeError, errorOf, temporaryFolder } from './helpers.js';

const A = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251);
const B = Uint8Array.of(1, 2, 3);

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

/** A `fetch` that finds no server. */
function noServer(): Promise<Response> {
  return Promise.reject(new TypeError('fetch failed', { cause: new Error('no route') }));
}

/** A server with two files, the entry that asks for them, and an empty cache folder. */
async function setup(): Promise<{ server: FileServer; entry: CatalogEntry; cacheDir: string; folder: string }> {
  const server = await startFileServer(
    new Map([
      ['a.gz', A],
      ['b.gz', B],
    ]),
  );
  const cacheDir = await temporaryFolder();
  const entry: CatalogEntry = {
    name: 'two-files',
    title: 'Two files',
    address: server.address,
    files: [...server.files].map(([file, bytes]) => ({ file, md5: md5(bytes), bytes: bytes.length })),
  };
  return { server, entry, cacheDir, folder: join(cacheDir, 'two-files') };
}

async function expectWhole(folder: string): Promise<void> {
  expect((await readdir(folder)).sort()).toEqual(['a.gz', 'b.gz']);
  expect(Buffer.compare(await readFile(join(folder, 'a.gz')), A)).toBe(0);
  expect(Buffer.compare(await readFile(join(folder, 'b.gz')), B)).toBe(0);
}

describe('files', () => {
  test('come whole, with progress; the second time nothing is asked for', async () => {
    const { server, entry, cacheDir, folder } = await setup();
    const progress: DownloadProgress[] = [];
    const got = await getEntry(entry, { cacheDir, onProgress: (each) => progress.push(each) });
    expect(got).toEqual({
      name: 'two-files',
      folder,
      downloadedBytes: 300_003,
      message: `two-files is now in ${folder}`,
    });
    await expectWhole(folder);
    expect(progress.at(-1)).toEqual({ file: 'b.gz', receivedBytes: 3, totalBytes: 3 });
    const ofA = progress.filter(({ file }) => file === 'a.gz').map(({ receivedBytes }) => receivedBytes);
    expect(ofA).toEqual([...ofA].sort((x, y) => x - y));
    expect(ofA.at(-1)).toBe(300_000);
    expect(server.requests).toEqual(['a.gz', 'b.gz']);
    expect(await getEntry(entry, { cacheDir })).toMatchObject({
      downloadedBytes: 0,
      message: `two-files is already in ${folder}`,
    });
    expect(server.requests.length).toBe(2);
  });

  test('a damaged file in the cache is replaced', async () => {
    const { entry, cacheDir, folder } = await setup();
    await getEntry(entry, { cacheDir });
    await writeFile(join(folder, 'b.gz'), 'changed');
    expect((await getEntry(entry, { cacheDir })).downloadedBytes).toBe(3);
    await expectWhole(folder);
  });

  test('a download that broke off goes on from there', async () => {
    const { server, entry, cacheDir, folder } = await setup();
    server.manners.breakAfter = 100_000;
    expect(await describeError(() => getEntry(entry, { cacheDir }))).toBe(
      `data: ${server.address}a.gz: the download broke off after 100000 of 300000 bytes | Run the command again: it goes on from there.`,
    );
    expect(await readdir(folder)).toEqual(['a.gz.part']);
    delete server.manners.breakAfter;
    const progress: DownloadProgress[] = [];
    const got = await getEntry(entry, { cacheDir, onProgress: (each) => progress.push(each) });
    expect(got.downloadedBytes).toBe(200_003);
    expect(progress[0]?.receivedBytes).toBeGreaterThan(100_000);
    expect(progress[0]?.totalBytes).toBe(300_000);
    expect(server.requests).toEqual(['a.gz', 'a.gz bytes=100000-', 'b.gz']);
    await expectWhole(folder);
  });

  test('a server that does not say the length', async () => {
    const { server, entry, cacheDir, folder } = await setup();
    Object.assign(server.manners, { chunked: true, breakAfter: 1000 });
    expect((await errorOf(() => getEntry(entry, { cacheDir }))).message).toBe(
      `${server.address}a.gz: the download broke off after 1000 of unknown bytes`,
    );
    delete server.manners.breakAfter;
    await getEntry(entry, { cacheDir });
    await expectWhole(folder);
  });

  test('a server without ranges: from the start', async () => {
    const { server, entry, cacheDir, folder } = await setup();
    await mkdir(folder);
    await writeFile(join(folder, 'a.gz.part'), A.subarray(0, 5000));
    server.manners.ignoreRange = true;
    expect((await getEntry(entry, { cacheDir })).downloadedBytes).toBe(300_003);
    expect(server.requests).toEqual(['a.gz bytes=5000-', 'b.gz']);
    await expectWhole(folder);
  });

  test('a server that sends another range: from the start', async () => {
    const { server, entry, cacheDir, folder } = await setup();
    await mkdir(folder);
    await writeFile(join(folder, 'a.gz.part'), A.subarray(0, 5000));
    server.manners.shiftRange = 10;
    await getEntry(entry, { cacheDir });
    expect(server.requests).toEqual(['a.gz bytes=5000-', 'a.gz', 'b.gz']);
    await expectWhole(folder);
  });

  test('a part that is already whole, and one that is too long', async () => {
    const { server, entry, cacheDir, folder } = await setup();
    await mkdir(folder);
    await writeFile(join(folder, 'a.gz.part'), A);
    await writeFile(join(folder, 'b.gz.part'), A);
    expect((await getEntry(entry, { cacheDir })).downloadedBytes).toBe(3);
    expect(server.requests).toEqual(['a.gz bytes=300000-', 'b.gz bytes=300000-', 'b.gz']);
    await expectWhole(folder);
  });

  test('other bytes than the publisher’s: removed, and the error says so', async () => {
    const { server, entry, cacheDir, folder } = await setup();
    server.files.set('a.gz', Uint8Array.of(9));
    expect(await describeError(() => getEntry(entry, { cacheDir }))).toBe(
      `data: ${server.address}a.gz: MD5 of what came is ${md5(Uint8Array.of(9))}, but must be ${md5(A)}; the bad file was removed | Run the command again; if it fails again, use a mirror (--from ADDRESS).`,
    );
    expect(await readdir(folder)).toEqual([]);
    server.files.set('a.gz', A);
    await getEntry(entry, { cacheDir });
    await expectWhole(folder);
  });

  test('a stop keeps what has come', async () => {
    const { server, entry, cacheDir, folder } = await setup();
    server.manners.stallAfter = 50_000;
    const stop = new AbortController();
    const onProgress = ({ receivedBytes }: DownloadProgress): void => {
      if (receivedBytes === 50_000) stop.abort();
    };
    expect(await describeError(() => getEntry(entry, { cacheDir, signal: stop.signal, onProgress }))).toBe(
      `interrupted: ${server.address}a.gz: the download was stopped | Run the command again: it goes on from there.`,
    );
    expect((await readFile(join(folder, 'a.gz.part'))).length).toBe(50_000);
    delete server.manners.stallAfter;
    expect((await getEntry(entry, { cacheDir })).downloadedBytes).toBe(250_003);
    await expectWhole(folder);
  });

  test('a server that sends without end, or more than the file has: refused, nothing kept', async () => {
    const { server, entry, cacheDir, folder } = await setup();
    const refused = new RegExp(
      `^data: ${server.address}a.gz: at least \\d+ bytes come from there, but the file has 300000`,
    );
    server.files.set('a.gz', new Uint8Array(5_000_000));
    expect(await describeError(() => getEntry(entry, { cacheDir }))).toMatch(refused);
    server.manners.chunked = true;
    expect(await describeError(() => getEntry(entry, { cacheDir }))).toMatch(refused);
    expect((await readFile(join(folder, 'a.gz.part'))).length).toBe(0);
    let sent = 0;
    const endless = (): Promise<Response> =>
      Promise.resolve(
        new Response(
          new ReadableStream({
            pull: (controller) => {
              sent += 65_536;
              controller.enqueue(new Uint8Array(65_536));
            },
          }),
        ),
      );
    expect(await describeError(() => getEntry(entry, { cacheDir, fetch: endless }))).toMatch(refused);
    expect(sent).toBeLessThan(1e6);
  });

  test('a server that stalls, before its answer or in it: given up, and gone on from there', async () => {
    const { server, entry, cacheDir } = await setup();
    const silent: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
      });
    expect(await describeError(() => getEntry(entry, { cacheDir, fetch: silent, stallMs: 50 }))).toMatch(
      /^data: .*a\.gz cannot be reached: it did not answer within 0\.05 s/,
    );
    server.manners.stallAfter = 50_000;
    expect(await describeError(() => getEntry(entry, { cacheDir, stallMs: 200 }))).toBe(
      `data: ${server.address}a.gz: the server sent nothing for 0.2 s, after 50000 of 300000 bytes | Run the command again: it goes on from there.`,
    );
    delete server.manners.stallAfter;
    expect((await getEntry(entry, { cacheDir })).downloadedBytes).toBe(250_003);
  });

  test('every address of the catalogue is HTTPS', () => {
    for (const { address } of CATALOG) expect(address).toMatch(/^https:/);
  });

  test('a stop before the start', async () => {
    const { server, entry, cacheDir } = await setup();
    const { code } = await errorOf(() => getEntry(entry, { cacheDir, signal: AbortSignal.abort() }));
    expect([code, server.requests]).toEqual(['interrupted', []]);
  });

  test('a server that refuses, or is not there', async () => {
    const { server, entry, cacheDir } = await setup();
    server.manners.status = 503;
    const other = 'use a mirror (--from ADDRESS), or get the files by hand and name their folder by --data-dir.';
    expect(await describeError(() => getEntry(entry, { cacheDir }))).toBe(
      `data: ${server.address}a.gz: the server answered 503 Service Unavailable | Try again later, ${other}`,
    );
    expect(await describeError(() => getEntry(entry, { cacheDir, fetch: noServer }))).toBe(
      `data: ${server.address}a.gz cannot be reached: no route | Check the network, ${other}`,
    );
  });

  test('mirrors: with or without a slash at the end; other addresses are refused', async () => {
    const { server, entry, cacheDir, folder } = await setup();
    const elsewhere = { ...entry, address: 'http://127.0.0.1:1/' };
    await getEntry(elsewhere, { cacheDir, from: server.address.slice(0, -1) });
    await expectWhole(folder);
    for (const from of ['somewhere', 'file:///etc/'])
      expect(await describeError(() => getEntry(elsewhere, { cacheDir, from }))).toBe(
        `usage: "${from}" is no address to download two-files from | Give one that starts with http:// or https://, such as http://127.0.0.1:1/`,
      );
  });

  test('a cache folder that cannot be written', async () => {
    const { entry, cacheDir } = await setup();
    const file = join(cacheDir, 'file');
    await writeFile(file, '');
    expect(await describeError(() => getEntry(entry, { cacheDir: file }))).toMatch(
      /^files: .*two-files cannot be written: ENOTDIR.* \| Check free space and rights, or choose another folder by the environment variable PFF_CACHE_DIR\.$/,
    );
  });

  test.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'no right to write (root has all rights)',
    async () => {
      const { entry, cacheDir } = await setup();
      await chmod(cacheDir, 0o500);
      expect((await errorOf(() => getEntry(entry, { cacheDir }))).message).toMatch(/cannot be written: EACCES/);
    },
  );
});

describe('archives', () => {
  const FOLDER = 'cifar-10-batches-bin';

  /** A tar.gz as the official one: a folder, its files, and a page that is of no use here. */
  async function archiveOf(files: Map<string, Uint8Array>): Promise<Uint8Array> {
    const entries = [...files].map(([name, body]) => ({ header: { name, size: body.length }, body }));
    return gzipSync(await packTar([{ header: { name: `${FOLDER}/`, type: 'directory', size: 0 } }, ...entries]));
  }

  function inFolder(files: Map<string, Uint8Array>): Map<string, Uint8Array> {
    return new Map([...files].map(([name, bytes]) => [`${FOLDER}/${name}`, bytes]));
  }

  function entryOf(archive: Uint8Array, address: string): CatalogEntry {
    const files = [...cifarFiles()].map(([file, bytes]) => ({ file, bytes: bytes.length }));
    return {
      name: 'cifar10',
      title: 'Small CIFAR',
      address,
      files: [{ file: 'c.tar.gz', md5: md5(archive), bytes: archive.length }],
      unpack: { folder: FOLDER, files },
    };
  }

  test('is downloaded, unpacked, removed, and can be loaded', async () => {
    const archive = await archiveOf(inFolder(cifarFiles().set('readme.html', B)));
    const server = await startFileServer(new Map([['c.tar.gz', archive]]));
    const entry = entryOf(archive, server.address);
    const cacheDir = await temporaryFolder();
    const folder = join(cacheDir, 'cifar10');
    const got = await getEntry(entry, { cacheDir, from: `${server.address}c.tar.gz` });
    expect(got).toMatchObject({ folder, downloadedBytes: archive.length, message: `cifar10 is now in ${folder}` });
    expect(await readdir(folder)).toEqual([FOLDER]);
    expect((await readdir(join(folder, FOLDER))).sort()).toEqual([...cifarFiles().keys()].sort());
    const data = await loadDataset({ dataset: 'cifar10', cacheDir });
    expect([...data.train.labels, ...data.test.labels]).toEqual([1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 9, 0]);
    expect((await getEntry(entry, { cacheDir })).downloadedBytes).toBe(0);
    expect(server.requests).toEqual(['c.tar.gz']);
  });

  const wanted = { folder: FOLDER, files: [{ file: 'x.bin', bytes: 3 }] };
  const again = 'Remove the archive and get it again.';

  test.each([
    ['..', `${FOLDER}/../../x.bin`],
    ['an absolute path', '/x.bin'],
    ['a drive', 'c:/x.bin'],
    ['backslashes', '..\\x.bin'],
  ])('an unsafe path is refused: %s', async (_, name) => {
    const outer = await temporaryFolder();
    const folder = join(outer, 'inner');
    await mkdir(folder);
    const archive = join(folder, 'c.tar.gz');
    await writeFile(
      archive,
      await archiveOf(
        new Map([
          [`${FOLDER}/x.bin`, B],
          [name, B],
        ]),
      ),
    );
    expect(await describeError(() => unpackArchive(archive, folder, wanted))).toBe(
      `data: ${archive}: unsafe path ${JSON.stringify(name)} in it | Remove the archive and get it from its official address.`,
    );
    expect(await readdir(outer)).toEqual(['inner']);
    expect(await readdir(join(folder, FOLDER))).toEqual([]);
  });

  test('a link in place of a file counts as missing', async () => {
    const folder = await temporaryFolder();
    const archive = join(folder, 'c.tar.gz');
    const link = { header: { name: `${FOLDER}/x.bin`, type: 'symlink' as const, linkname: '/etc/passwd', size: 0 } };
    await writeFile(archive, gzipSync(await packTar([link])));
    expect(await describeError(() => unpackArchive(archive, folder, wanted))).toBe(
      `data: ${archive}: ${FOLDER}/x.bin not found in it | ${again}`,
    );
  });

  test('names that start with ./', async () => {
    const folder = await temporaryFolder();
    const archive = join(folder, 'c.tar.gz');
    await writeFile(archive, await archiveOf(new Map([[`./${FOLDER}/x.bin`, B]])));
    await unpackArchive(archive, folder, wanted);
    expect([...(await readFile(join(folder, FOLDER, 'x.bin')))]).toEqual([1, 2, 3]);
  });

  test('files of another size, damaged and cut archives', async () => {
    const folder = await temporaryFolder();
    const archive = join(folder, 'c.tar.gz');
    const unpack = (): Promise<void> => unpackArchive(archive, folder, wanted);
    await writeFile(archive, await archiveOf(new Map([[`${FOLDER}/x.bin`, A]])));
    expect(await describeError(unpack)).toBe(
      `data: ${archive}: ${FOLDER}/x.bin in it has 300000 bytes, but must have 3 | ${again}`,
    );
    const whole = await archiveOf(
      new Map([
        [`${FOLDER}/a.bin`, A],
        [`${FOLDER}/x.bin`, B],
      ]),
    );
    await writeFile(archive, whole.subarray(0, whole.length - 100));
    expect(await describeError(unpack)).toMatch(
      /^data: .*c\.tar\.gz: truncated or damaged archive \(unexpected end of file\) \| /,
    );
    await writeFile(archive, A);
    expect(await describeError(unpack)).toMatch(
      /^data: .*c\.tar\.gz: truncated or damaged archive \(incorrect header check\) \| /,
    );
    expect(await readdir(join(folder, FOLDER))).toEqual([]);
  });

  test('a stop while unpacking', async () => {
    const folder = await temporaryFolder();
    const archive = join(folder, 'c.tar.gz');
    await writeFile(archive, await archiveOf(new Map([[`${FOLDER}/x.bin`, B]])));
    expect(await describeError(() => unpackArchive(archive, folder, wanted, AbortSignal.abort()))).toBe(
      `interrupted: ${archive}: unpacking was stopped | Run the command again.`,
    );
  });
});

describe('names', () => {
  test('MNIST needs no download', async () => {
    const got = await getDataset('mnist');
    expect(got).toMatchObject({ downloadedBytes: 0, message: 'mnist needs no download: it comes with this program' });
    expect(await readdir(got.folder)).toContain('train-images-idx3-ubyte');
  });

  test('one’s own files and unknown names', async () => {
    expect(await describeError(() => getDataset('idx'))).toMatch(
      /^usage: dataset idx has nothing to download \| These are files of your own: put /,
    );
    expect(await describeError(() => getDataset('own'))).toMatch(
      /^usage: dataset own has nothing to download \| These are data of your own: give .* --data\.$/,
    );
    expect(await describeError(() => getDataset('cifar'))).toMatch(
      /^usage: unknown dataset "cifar" \| Did you mean cifar10\?/,
    );
  });

  test('getDataset asks for the files of the catalog', async () => {
    const server = await startFileServer(new Map());
    const cacheDir = await temporaryFolder();
    const { message } = await errorOf(() => getDataset('cifar10', { cacheDir, from: server.address }));
    expect(message).toBe(`${server.address}cifar-10-binary.tar.gz: the server answered 404 Not Found`);
    const asked: string[] = [];
    const spy = (address: string | URL | Request): Promise<Response> => {
      asked.push(address instanceof Request ? address.url : String(address));
      return Promise.reject(new Error('no network in tests'));
    };
    for (const name of ['fashion-mnist', 'cifar10']) await errorOf(() => getDataset(name, { cacheDir, fetch: spy }));
    expect(asked).toEqual([
      'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/train-images-idx3-ubyte.gz',
      'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    ]);
  });

  test('the list says what is here', async () => {
    const cacheDir = await temporaryFolder();
    const before = await listDatasets({ cacheDir });
    expect(before.map(({ name, present }) => [name, present])).toEqual([
      ['mnist', true],
      ['fashion-mnist', false],
      ['cifar10', false],
    ]);
    expect(before.map(({ bytes }) => bytes)).toEqual([54_950_048, 30_878_645, 170_052_171]);
    expect(before[2]).toMatchObject({ folder: join(cacheDir, 'cifar10'), source: 'https://www.cs.toronto.edu/~kriz/' });
    // Files of other sizes are not the dataset.
    await writeIdxFolder(join(cacheDir, 'fashion-mnist'), { rename: (name) => `${name}.gz` });
    expect((await listDatasets({ cacheDir }))[1]?.present).toBe(false);
    const fashion = CATALOG[0]?.files ?? [];
    for (const { file, bytes } of fashion)
      await writeFile(join(cacheDir, 'fashion-mnist', file), new Uint8Array(bytes));
    expect((await listDatasets({ cacheDir }))[1]).toMatchObject({ present: true, bytes: 30_878_645 });
  });
});

describe('a proxy of the environment', () => {
  /** Passes requests for plain HTTP on, and refuses tunnels; keeps what it was asked for. */
  async function startProxy(): Promise<{ readonly address: string; readonly asked: string[] }> {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url ?? '');
      const { pathname } = new URL(request.url ?? '');
      const forward = requestTo(`${target}${pathname.replace('/data/', '')}`, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      forward.end();
    });
    proxy.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url}`);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    const { port } = proxy.address() as { port: number };
    return { address: `http://127.0.0.1:${port}`, asked };
  }
  let target = '';
  afterEach(() => void vi.unstubAllEnvs());

  test('is used, tunnels for HTTPS and none for HTTP, but not for hosts that are excepted', async () => {
    const { server, entry, cacheDir, folder } = await setup();
    target = server.address;
    const { address, asked } = await startProxy();
    for (const name of ['http_proxy', 'https_proxy', 'no_proxy', 'NO_PROXY']) vi.stubEnv(name, undefined);
    vi.stubEnv('HTTP_PROXY', address);
    vi.stubEnv('HTTPS_PROXY', address);
    await getEntry({ ...entry, address: 'http://files.invalid/data/' }, { cacheDir });
    await expectWhole(folder);
    expect(asked.splice(0)).toEqual(['http://files.invalid/data/a.gz', 'http://files.invalid/data/b.gz']);

    const other = await temporaryFolder();
    const secure = { ...entry, address: 'https://files.invalid/data/' };
    expect(await describeError(() => getEntry(secure, { cacheDir: other }))).toMatch(/cannot be reached/);
    expect(asked.splice(0)).toEqual(['CONNECT files.invalid:443']);

    vi.stubEnv('NO_PROXY', '127.0.0.1');
    await getEntry(entry, { cacheDir: other });
    expect(asked).toEqual([]);
  });
});
