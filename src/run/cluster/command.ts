/** Commands on a cluster's run, as they are told to people: with the server, and without anything that is secret. */
import { commandLine } from '../../command-line.js';
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
