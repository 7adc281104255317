/** A web server of the page's thread: opened on the port that was asked for or the next that is free, and closed with grace. */
import { createServer } from 'node:https';
import { serve, type ServerType } from '@hono/node-server';
import type { Hono } from 'hono';
import type { ServerSetup } from './serve.js';

/** Ports tried after the first, where that is taken and none was asked for. */
const MORE_PORTS = 20;
/** How long readers that are behind have at the end. */
const LAST_WORDS_MS = 1000;
const FIRST_PORT = 8377;

interface ListenOptions extends Pick<ServerSetup, 'port' | 'host'> {
  /** The first port that is tried where none was asked for; that of the page unless given. */
  readonly first?: number;
  /** Certificate and key, as PEM, for HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** @throws Error of the system where no port can be had */
export async function listen(
  app: Hono,
  { port, host, first = FIRST_PORT, tls }: ListenOptions,
): Promise<{ readonly server: ServerType; readonly port: number }> {
  const last = port ?? first + MORE_PORTS;
  for (let number = port ?? first; ; number++) {
    try {
      const server = await new Promise<ServerType>((resolve, reject) => {
        const secure = tls && { createServer, serverOptions: tls };
        const started = serve({ fetch: app.fetch, port: number, hostname: host, ...secure }, () => resolve(started));
        started.once('error', reject);
      });
      return { server, port: (server.address() as { port: number }).port };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || number >= last) throw error;
    }
  }
}

/** Ends it once its readers have all, or after a moment. */
export function closeServer(server: ServerType, closed: () => void, lastWordsMs = LAST_WORDS_MS): void {
  const rest = setInterval(() => 'closeIdleConnections' in server && server.closeIdleConnections(), 50);
  const limit = setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), lastWordsMs);
  server.close(() => {
    clearInterval(rest);
    clearTimeout(limit);
    closed();
  });
}
