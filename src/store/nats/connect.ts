/** A connection to a NATS server, secured by NATS's own means, that outlives the server's absence. */
import { statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import {
  credsAuthenticator,
  errors,
  NatsConnectionImpl,
  nkeyAuthenticator,
  type Authenticator,
  type NatsConnection,
  type NodeConnectionOptions,
} from '@nats-io/transport-node';
import { readRegularFile, TEXT_BYTES } from '../../data/sources/regular-file.js';
import { PffError, messageOf } from '../../errors.js';
import { checkOptions } from '../../known-options.js';
import { parseJson } from '../cluster/records.js';
import { failure, NO_JETSTREAM } from './api.js';
import { parseAddress, withoutSecrets } from './address.js';
import type { ServerOptions } from './server-options.js';
import { useWholeMessages } from './whole-messages.js';

/** Between two attempts to connect again. */
const RECONNECT_MS = 500;
/** A connection that is cut without a word is noticed after about three of these. */
const PING_MS = 4000;
const CONNECT_TIMEOUT_MS = 5000;

/** Between two words on the same trouble. */
const TELL_AGAIN_MS = 10_000;

/**
 * Connects. Later losses of the connection are waited out, for as long as it takes, and so is a server that refuses a user that it had
 * accepted: keys are exchanged. Files with credentials and certificates are read again for each connection.
 * @param onTrouble told why the server cannot be used for now.
 * @throws PffError `cluster` if there is no server now, it refuses, or it has no JetStream; `usage` or `files` for bad options.
 */
export async function connectNats(
  options: ServerOptions,
  name: string,
  onTrouble: (text: string) => void = () => {},
): Promise<NatsConnection> {
  checkOptions('the server', options, {
    server: true,
    user: true,
    password: true,
    token: true,
    nkey: true,
    creds: true,
    tlsCa: true,
    tlsCert: true,
    tlsKey: true,
    inboxPrefix: true,
  });
  const tell = seldom(onTrouble);
  const given = connectionOptions(options, name, tell);
  let connection: NatsConnection;
  try {
    useWholeMessages();
    // Once more where nothing was said in time: this process, or the server's machine, may have been busy.
    connection = await NatsConnectionImpl.connect(given).catch((error: unknown) => {
      if (error instanceof errors.TimeoutError) return NatsConnectionImpl.connect(given);
      throw error;
    });
  } catch (error) {
    throw refusal(withoutSecrets(options.server), error);
  }
  void tellOfRefusals(connection, tell);
  try {
    await requireJetStream(connection, withoutSecrets(options.server));
  } catch (error) {
    await connection.close();
    throw error;
  }
  return connection;
}

/** Passes on what is new, or has not been said for a while. */
function seldom(onTrouble: (text: string) => void): (text: string) => void {
  const told = new Map<string, number>();
  return (text) => {
    const now = performance.now();
    if (now - (told.get(text) ?? -Infinity) < TELL_AGAIN_MS) return;
    told.set(text, now);
    onTrouble(text);
  };
}

async function tellOfRefusals(connection: NatsConnection, tell: (text: string) => void): Promise<void> {
  for await (const status of connection.status())
    if (status.type === 'error' && isRefusal(status.error))
      tell(`the server refuses this user for now: ${status.error.message}; trying again until it does not`);
}

/**
 * A server without JetStream answers no request for it, and everything would wait for it in vain.
 * @throws PffError `cluster`
 */
async function requireJetStream(connection: NatsConnection, server: string): Promise<void> {
  // A server that has just started may not know its neighbours yet, so it is asked twice.
  for (let attempts = 0; attempts < 2; attempts++) {
    if (attempts > 0) await setTimeout(500);
    if ((await jetStream(connection)) !== 'none') return;
  }
  throw new PffError('cluster', `the server ${server} has no JetStream for this user, but it keeps a run's layers`, {
    hint: 'Start it with JetStream: nats-server -js -sd DIR -p 4222, or jetstream { store_dir: "DIR" } in its configuration, and in an account of its own: jetstream: enabled.',
  });
}

/** `unknown`: whatever it is, such as a permission that is missing, it shows where it matters. */
async function jetStream(connection: NatsConnection): Promise<'there' | 'none' | 'unknown'> {
  try {
    const answer = await connection.request('$JS.API.INFO', new Uint8Array(), { timeout: CONNECT_TIMEOUT_MS });
    const failed = failure.safeParse(parseJson(answer.data));
    return failed.success && NO_JETSTREAM.includes(failed.data.error.err_code ?? 0) ? 'none' : 'there';
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    return [error, cause].some((each) => each instanceof errors.NoRespondersError) ? 'none' : 'unknown';
  }
}

function isRefusal(error: Error): boolean {
  return error.name === 'AuthorizationError' || error.name === 'UserAuthenticationExpiredError';
}

function connectionOptions(options: ServerOptions, name: string, tell: (text: string) => void): NodeConnectionOptions {
  const { servers, tls, ...inAddress } = parseAddress(options.server);
  const wantsTls = tls || Boolean(options.tlsCa ?? options.tlsCert ?? options.tlsKey);
  // What is given by itself goes before what the address carries.
  const given = options.user ?? options.token ?? options.nkey ?? options.creds;
  const { user, password, token } =
    given === undefined ? { ...inAddress, password: options.password ?? inAddress.password } : options;
  const authenticator = authenticatorOf(options, tell);
  return {
    servers: [...servers],
    name,
    reconnect: true,
    maxReconnectAttempts: -1,
    // The client would give up for good when it is refused twice.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RECONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: 2,
    timeout: CONNECT_TIMEOUT_MS,
    // Else each request takes a stack trace, for the case that it fails: a tenth of a node's own time where tasks are short.
    noAsyncTraces: true,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(wantsTls
      ? {
          tls: {
            ...pem('ca', options.tlsCa, '--tls-ca'),
            ...pem('cert', options.tlsCert, '--tls-cert'),
            ...pem('key', options.tlsKey, '--tls-key'),
          },
        }
      : {}),
  };
}

function authenticatorOf({ nkey, creds }: ServerOptions, tell: (text: string) => void): Authenticator | undefined {
  if (creds !== undefined) return credsAuthenticator(readAnew(creds, credentials, tell));
  if (nkey === undefined) return undefined;
  return nkeyAuthenticator(readAnew(nkey, nkeySeed, tell));
}

/** A PEM file, which the client reads for each connection; what is no ordinary file, such as a pipe, can be read only once. */
function pem(kind: 'ca' | 'cert' | 'key', file: string | undefined, flag: string): Record<string, string> {
  if (file === undefined) return {};
  const text = readText(file, flag);
  return statSync(file).isFile() ? { [`${kind}File`]: file } : { [kind]: text };
}

/** Reads now, and again whenever it is called; a file that is being exchanged leaves what was read last. */
function readAnew(file: string, read: (file: string) => Uint8Array, tell: (text: string) => void): () => Uint8Array {
  let last = read(file);
  return () => {
    try {
      // A pipe can be read only once.
      if (statSync(file).isFile()) last = read(file);
    } catch (error) {
      tell(messageOf(error));
    }
    return last;
  };
}

/** @throws PffError `files` */
function credentials(file: string): Uint8Array {
  const text = readText(file, '--creds');
  if (!/-BEGIN NATS USER JWT-[\s\S]+-BEGIN USER NKEY SEED-[\s\S]+-END USER NKEY SEED-/.test(text))
    throw new PffError('files', `--creds ${file} holds no credentials`, {
      hint: 'It must hold the JWT and the seed of a user, as nsc writes them.',
    });
  return Buffer.from(text);
}

/** @throws PffError `files` */
function nkeySeed(file: string): Uint8Array {
  const seed = /S[A-Z2-7]{50,}/.exec(readText(file, '--nkey'))?.[0];
  if (seed === undefined)
    throw new PffError('files', `--nkey ${file} holds no nkey seed`, { hint: 'A seed begins with SU.' });
  return Buffer.from(seed);
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
