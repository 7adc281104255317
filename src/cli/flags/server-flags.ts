/** Options that say which NATS server to use and as whom. Secrets may come from the environment, which `ps` does not show. */
import { PffError } from '../../errors.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import type { ClusterOptions } from '../../run/cluster/options.js';
import { choiceFlag, numberFlag, textFlag, textsFlag, type ValuesOf } from './flags.js';

const group = 'Server';

export const serverFlags = {
  server: {
    ...textFlag('URL', 'NATS server with JetStream: nats://HOST:PORT or tls://HOST:PORT, several with commas'),
    group,
  },
  user: { ...textFlag('NAME', 'user of the server'), group },
  password: { ...textFlag('TEXT', 'its password; or $PFF_SERVER_PASSWORD'), group },
  token: { ...textFlag('TEXT', 'token of the server; or $PFF_SERVER_TOKEN'), group },
  nkey: { ...textFlag('FILE', 'file with an nkey seed'), group },
  creds: { ...textFlag('FILE', 'credentials file'), group },
  'tls-ca': { ...textFlag('FILE', "PEM file of the authority of the server's certificate"), group },
  'tls-cert': { ...textFlag('FILE', 'PEM file of our certificate'), group },
  'tls-key': { ...textFlag('FILE', 'PEM file of its key'), group },
  'inbox-prefix': { ...textFlag('TEXT', 'subject below which answers come'), group, shownDefault: '_INBOX' },
};

/** The same for commands that always use a server. */
export const requiredServerFlags = {
  ...serverFlags,
  server: { ...serverFlags.server, text: `${serverFlags.server.text}; or $PFF_SERVER` },
};

export const clusterGroup = { group: 'On a cluster (with --server)' };

/** Whose results are whose, in audited runs. */
export const keyFlag = {
  ...textFlag('FILE', "this machine's key, where results are audited; made if there is none"),
  shownDefault: '$PFF_NODE_KEY, or node.key in the configuration folder',
};

/** How a run is put on a cluster. */
export const submissionFlags = {
  storage: {
    ...choiceFlag(['file', 'memory'], 'where the server keeps layer states'),
    ...clusterGroup,
    shownDefault: 'file',
  },
  replicas: {
    ...numberFlag('N', 'servers that keep each record and state', { whole: true, least: 1 }),
    ...clusterGroup,
    shownDefault: '1',
  },
  'max-bytes': {
    ...numberFlag('N', 'most bytes of layer states on the server; 0: no limit', { whole: true, least: 0 }),
    ...clusterGroup,
    shownDefault: '0',
  },
  lease: {
    ...numberFlag('SECONDS', 'a node that is silent for so long counts as gone', { least: 0.5 }),
    ...clusterGroup,
    shownDefault: '10',
  },
  audit: {
    ...numberFlag('RATE', 'have so many of the results (0 to 1) done again by other nodes, and compared', { least: 0 }),
    ...clusterGroup,
    shownDefault: '0',
  },
  auditors: {
    ...textsFlag('KEY,KEY,…', 'nodes whose word decides in audits; those of all unless given'),
    ...clusterGroup,
  },
  refuse: {
    ...textsFlag('KEY,KEY,…', 'with --audit: nodes that may not take part, such as those refuted in other runs'),
    ...clusterGroup,
  },
  'audit-cuts': {
    ...numberFlag(
      'N',
      'with --audit: digests of parameters on the way that go with each result, 0 to 16; pff audit compares them',
      {
        whole: true,
        least: 0,
      },
    ),
    ...clusterGroup,
    shownDefault: '4',
  },
  key: { ...keyFlag, ...clusterGroup },
};

export function submissionOptions(
  given: ValuesOf<typeof submissionFlags>,
): Pick<
  ClusterOptions,
  'storage' | 'replicas' | 'maxBytes' | 'leaseMs' | 'audit' | 'auditors' | 'refuse' | 'auditCuts' | 'key'
> {
  return {
    storage: given.storage,
    replicas: given.replicas,
    maxBytes: given['max-bytes'],
    leaseMs: given.lease === undefined ? undefined : given.lease * 1000,
    audit: given.audit,
    auditors: given.auditors,
    refuse: given.refuse,
    auditCuts: given['audit-cuts'],
    key: given.key,
  };
}

type Given = { readonly [K in keyof typeof serverFlags]?: string };

/** Undefined where no server is named. */
export function askedServer(flags: Given): ServerOptions | undefined {
  const server = flags.server ?? process.env['PFF_SERVER'];
  if (!server) return undefined;
  return {
    server,
    user: flags.user,
    password: flags.password ?? process.env['PFF_SERVER_PASSWORD'],
    token: flags.token ?? process.env['PFF_SERVER_TOKEN'],
    nkey: flags.nkey,
    creds: flags.creds,
    tlsCa: flags['tls-ca'],
    tlsCert: flags['tls-cert'],
    tlsKey: flags['tls-key'],
    inboxPrefix: flags['inbox-prefix'],
  };
}

/**
 * Options of a run on a cluster, where it is to be carried out here: $PFF_SERVER alone sends no run away.
 * @param more names of further options that need a server. @throws PffError `usage`
 */
export function refuseWithoutServer(given: object, more: readonly string[] = []): void {
  const values = given as Readonly<Record<string, unknown>>;
  if (values['server'] !== undefined) return;
  const names = [...Object.keys(serverFlags), ...Object.keys(submissionFlags), ...more];
  const found = names.find((name) => values[name] !== undefined);
  if (found !== undefined)
    throw new PffError('usage', `--${found} is of a cluster, but --server was not given`, {
      hint: `Add --server nats://HOST:4222, or leave --${found} out.`,
    });
}

/** @throws PffError `usage` where no server is named */
export function requiredServer(flags: Given): ServerOptions {
  const server = askedServer(flags);
  if (server) return server;
  throw new PffError('usage', 'no server was named', { hint: 'Give --server nats://HOST:4222, or set PFF_SERVER.' });
}

/** The one run that a command takes. @throws PffError `usage` */
export function oneRun(command: string, words: readonly string[]): string {
  const [run] = words;
  if (run !== undefined && words.length === 1) return run;
  throw new PffError('usage', `pff ${command} takes one run, but was given ${words.length}`, {
    hint: `Write pff ${command} RUN; pff runs lists them.`,
  });
}
