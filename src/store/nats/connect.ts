/** A connection to a NATS server, secured by NATS's own means, that outlives the server's absence. */
import {
  credsAuthenticator,
  NatsConnectionImpl,
  nkeyAuthenticator,
  type Authenticator,
  type NatsConnection,
  type NodeConnectionOptions,
} from '@nats-io/transport-node';
import { readRegularFile, TEXT_BYTES } from '../../data/sources/regular-file.js';
import { PffError, messageOf } from '../../errors.js';
import { useWholeMessages } from './whole-messages.js';

/** A NATS server, and how to sign in to it. */
export interface ServerOptions {
  /** `nats://host:4222` or `tls://host:4222`; several with commas between them. */
  readonly server: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** File with an nkey seed. */
  readonly nkey?: string | undefined;
  /** Credentials file (JWT and seed). */
  readonly creds?: string | undefined;
  /** PEM files: the authority that signed the server's certificate; this client's certificate and key. */
  readonly tlsCa?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  /** Prefix of the subjects on which answers come; `_INBOX` by default. */
  readonly inboxPrefix?: string | undefined;
}

/** Between two attempts to connect again. */
const RECONNECT_MS = 500;
/** A connection that is cut without a word is noticed after about three of these. */
const PING_MS = 4000;
const CONNECT_TIMEOUT_MS = 5000;

/**
 * Connects. Later losses of the connection are waited out, for as long as it takes.
 * @throws PffError `cluster` if there is no server now, or it refuses; `usage` or `files` for bad options.
 */
export async function connectNats(options: ServerOptions, name: string): Promise<NatsConnection> {
  const given = connectionOptions(options, name);
  try {
    useWholeMessages();
    return await NatsConnectionImpl.connect(given);
  } catch (error) {
    throw refusal(options.server, error);
  }
}

function connectionOptions(options: ServerOptions, name: string): NodeConnectionOptions {
  const servers = options.server.split(',').map((server) => server.trim());
  if (servers.some((server) => !/^((nats|tls):\/\/)?[^\s/]+$/.test(server)))
    throw new PffError(
      'usage',
      `--server must be nats://HOST:PORT or tls://HOST:PORT, but is ${JSON.stringify(options.server)}`,
    );
  const wantsTls =
    servers.some((server) => server.startsWith('tls://')) ||
    Boolean(options.tlsCa ?? options.tlsCert ?? options.tlsKey);
  const authenticator = authenticatorOf(options);
  return {
    servers,
    name,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: 2,
    timeout: CONNECT_TIMEOUT_MS,
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.password === undefined ? {} : { pass: options.password }),
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(wantsTls
      ? {
          tls: {
            ...(options.tlsCa === undefined ? {} : { ca: readText(options.tlsCa, '--tls-ca') }),
            ...(options.tlsCert === undefined ? {} : { cert: readText(options.tlsCert, '--tls-cert') }),
            ...(options.tlsKey === undefined ? {} : { key: readText(options.tlsKey, '--tls-key') }),
          },
        }
      : {}),
  };
}

function authenticatorOf({ nkey, creds }: ServerOptions): Authenticator | undefined {
  if (creds !== undefined) return credsAuthenticator(Buffer.from(readText(creds, '--creds')));
  if (nkey === undefined) return undefined;
  const seed = /S[A-Z2-7]{50,}/.exec(readText(nkey, '--nkey'))?.[0];
  if (seed === undefined)
    throw new PffError('files', `--nkey ${nkey} holds no nkey seed`, { hint: 'A seed begins with SU.' });
  return nkeyAuthenticator(Buffer.from(seed));
}

function readText(file: string, flag: string): string {
  try {
    return readRegularFile(file, { maxBytes: TEXT_BYTES, pipe: true }).toString();
  } catch (error) {
    throw new PffError('files', `cannot read ${flag} ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function refusal(server: string, error: unknown): PffError {
  const text = messageOf(error);
  const name = error instanceof Error ? error.name : '';
  if (/authoriz|authentic/i.test(text + name))
    return new PffError('cluster', `the server ${server} refused this user: ${text}`, {
      hint: 'Check --user and --password, --token, --nkey or --creds.',
      cause: error,
    });
  if (/certificate|tls|ssl/i.test(text))
    return new PffError('cluster', `no secure connection to ${server}: ${text}`, {
      hint: 'Name the authority of its certificate by --tls-ca; a server that asks for certificates also needs --tls-cert and --tls-key.',
      cause: error,
    });
  return new PffError('cluster', `cannot reach the server ${server}: ${text}`, {
    hint: 'Is it running? Start one by: nats-server -js -sd DIR -p 4222',
    cause: error,
  });
}
