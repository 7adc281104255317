/** A web server on 127.0.0.1 that can misbehave in the ways that downloads must survive. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';

export interface Manners {
  /** Answers ranges as if they were not asked for. */
  ignoreRange?: boolean;
  /** Ends the connection after this many bytes of a body. */
  breakAfter?: number;
  /** Sends this many bytes of a body and then nothing more. */
  stallAfter?: number;
  /** Answers with this status and no file. */
  status?: number;
  /** Sends no Content-Length. */
  chunked?: boolean;
  /** Answers a range with one that starts this much later. */
  shiftRange?: number;
}

export interface FileServer {
  /** Address of the folder; ends in a slash. */
  readonly address: string;
  readonly files: Map<string, Uint8Array>;
  readonly manners: Manners;
  /** The requests so far: path and range. */
  readonly requests: string[];
}

/** Serves `files` from memory until the test ends. */
export async function startFileServer(files: Map<string, Uint8Array>): Promise<FileServer> {
  const manners: Manners = {};
  const requests: string[] = [];
  const server = createServer((request, response) => answer(request, response, files, manners, requests));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { address: `http://127.0.0.1:${address.port}/data/`, files, manners, requests };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  files: ReadonlyMap<string, Uint8Array>,
  manners: Manners,
  requests: string[],
): void {
  const name = (request.url ?? '').replace('/data/', '');
  const { range } = request.headers;
  requests.push(range === undefined ? name : `${name} ${range}`);
  const file = files.get(name);
  if (file === undefined || manners.status !== undefined) {
    response.writeHead(manners.status ?? 404).end();
    return;
  }
  const asked = manners.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  if (asked > 0 && asked >= file.length) {
    response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
    return;
  }
  const start = asked > 0 ? asked + (manners.shiftRange ?? 0) : 0;
  const body = file.subarray(start);
  const headers: Record<string, string | number> = manners.chunked ? {} : { 'content-length': body.length };
  if (asked > 0) headers['content-range'] = `bytes ${start}-${file.length - 1}/${file.length}`;
  response.writeHead(asked > 0 ? 206 : 200, headers);
  const cut = manners.breakAfter ?? manners.stallAfter;
  if (cut === undefined) response.end(body);
  else
    response.write(body.subarray(0, cut), () => {
      // Long enough for the bytes to arrive before the end does.
      if (manners.breakAfter !== undefined) setTimeout(() => response.destroy(), 20);
    });
}
