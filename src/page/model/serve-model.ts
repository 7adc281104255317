/** `serveModel`: a trained model as a service, in this thread. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import { serve, type ServerType } from '@hono/node-server';
import { PffError } from '../../errors.js';
import { checkOptions } from '../../known-options.js';
import { loadModel, type LoadModelOptions } from '../../run/model.js';
import { readModel } from '../../run/saved-model.js';
import { isLoopback } from '../access.js';
import { cannotServe } from '../cannot-serve.js';
import { closeServer } from '../listen.js';
import { modelApp } from './model-app.js';

/** How long requests at hand have at the end. */
const LAST_ANSWERS_MS = 60_000;

/** Where to serve a model, and how it is opened. */
export interface ServeModelOptions extends LoadModelOptions {
  /** 0 for any free one; 8378 by default. */
  readonly port?: number | undefined;
  /** 127.0.0.1 by default; for any other address requests need the token. */
  readonly host?: string | undefined;
  /** Needed as `Authorization: Bearer …`, or once as `?token=…` in a browser; made up where it is needed and not given. */
  readonly token?: string | undefined;
}

/** A model that is served. */
export interface ServedModel {
  /** Its address, with the token where one is needed. */
  readonly url: string;
  readonly token: string | undefined;
  /** Ends the service once the requests at hand are answered. */
  close(): Promise<void>;
}

/** What passes in a header as it is. */
const TOKEN = /^[!-~]{1,200}$/;

/** @throws PffError as `loadModel`; `usage` where the port is taken, or the token cannot be one. */
export async function serveModel(run: string, options: ServeModelOptions = {}): Promise<ServedModel> {
  checkOptions('serveModel', options, {
    port: true,
    host: true,
    token: true,
    kernels: true,
    threads: true,
    dataDir: true,
    verify: true,
  });
  const { port = 8378, host = '127.0.0.1', token: asked, ...opening } = options;
  if (asked !== undefined && !TOKEN.test(asked))
    throw new PffError(
      'usage',
      "the service's token must be 1 to 200 letters, digits and signs of ASCII, without spaces",
      {
        hint: 'Leave it out for one that is made up where other machines can reach the service.',
      },
    );
  const model = await loadModel(run, opening);
  const token = asked ?? (isLoopback(host) ? undefined : randomBytes(12).toString('base64url'));
  const { modelDigest: digest } = readModel(run, { verify: false }).metadata;
  const app = modelApp(model, { name: path.basename(path.resolve(run)), digest }, token);
  let server: ServerType;
  try {
    server = await new Promise<ServerType>((resolve, reject) => {
      const started = serve({ fetch: app.fetch, port, hostname: host }, () => resolve(started));
      started.once('error', reject);
    });
  } catch (error) {
    await model.close();
    throw cannotServe('model', { host, port }, error);
  }
  // Browsers open connections that they may never use, which would keep the server from ending.
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }: IncomingMessage) => silent.delete(socket));
  const at = (server.address() as AddressInfo).port;
  const shown = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host;
  return {
    url: `http://${shown}:${at}/${token === undefined ? '' : `?token=${encodeURIComponent(token)}`}`,
    token,
    async close() {
      for (const socket of silent) socket.destroy();
      await new Promise<void>((resolve) => closeServer(server, resolve, LAST_ANSWERS_MS));
      await model.close();
    },
  };
}
