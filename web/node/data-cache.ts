/**
 * Datasets that the browser keeps, by digest, so that the next run on them need not load them again. In IndexedDB: it is there over
 * plain HTTP, too, where the browser's other stores are not. Whatever goes wrong here costs a download and nothing else.
 */

const STORE = 'datasets';

/** The bytes that were kept under `digest`. */
export async function keptData(digest: string): Promise<Uint8Array | undefined> {
  try {
    const found: unknown = await inStore('readonly', (store) => store.get(digest));
    return found instanceof ArrayBuffer ? new Uint8Array(found) : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps `bytes`; if there is no room, in place of all others. Returns why it could not, if so. */
export async function keepData(digest: string, bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  const put = (): Promise<unknown> => inStore('readwrite', (store) => store.put(bytes.buffer, digest));
  try {
    try {
      await put();
    } catch {
      await inStore('readwrite', (store) => store.clear());
      await put();
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message || error.name : String(error);
  }
}

/** Forgets what was kept under `digest`. */
export async function dropData(digest: string): Promise<void> {
  await inStore('readwrite', (store) => store.delete(digest)).catch(() => {});
}

async function inStore<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open('pff', 1);
  opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore(STORE));
  const database = await settled(opening);
  try {
    const transaction = database.transaction(STORE, mode);
    const request = work(transaction.objectStore(STORE));
    // What is written counts once the transaction has gone through: only then there was room for it.
    await new Promise<void>((resolve, reject) => {
      transaction.addEventListener('complete', () => resolve());
      for (const type of ['abort', 'error'])
        transaction.addEventListener(type, () => reject(transaction.error ?? request.error ?? new Error(type)));
    });
    return request.result;
  } finally {
    database.close();
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error ?? new Error('the browser keeps nothing')));
  });
}
