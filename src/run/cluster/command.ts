/** Commands on a cluster's run, as they are told to people: with the server, and without anything that is secret. */
import { commandLine, openingFlags } from '../../command-line.js';
import { parsePlace } from '../../data/sources/own/place.js';
import { withoutSecrets } from '../../store/nats/address.js';
import type { ServerOptions } from '../../store/nats/server-options.js';

/** `words` without the program's name. Passwords and tokens come from the environment. */
export function clusterCommand(given: ServerOptions, ...words: readonly string[]): string {
  const { server, user, nkey, creds, tlsCa, tlsCert, tlsKey, inboxPrefix } = given;
  const flags = {
    server: withoutSecrets(server),
    user,
    nkey,
    creds,
    'tls-ca': tlsCa,
    'tls-cert': tlsCert,
    'tls-key': tlsKey,
    'inbox-prefix': inboxPrefix,
  };
  const set = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  return commandLine(['pff', ...words, ...set]);
}

/** Options of `pff attach` that say where the data and plugins of a run lie on this machine. */
export function followingFlags(
  dataset: string,
  {
    dataDir,
    plugins = [],
  }: { readonly dataDir?: string | undefined; readonly plugins?: readonly string[] | undefined },
): string[] {
  if (dataset !== 'own' || dataDir === undefined) return openingFlags({ dataDir, execution: { plugins } });
  const files = Object.entries(parsePlace(dataDir)).flatMap(([name, file]: [string, string | undefined]) =>
    file === undefined ? [] : [`--${name}`, file],
  );
  return [...files, ...openingFlags({ execution: { plugins } })];
}
