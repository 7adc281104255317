/** Server addresses, and the credentials that one may carry, which no message shows. */
import { PffError } from '../../errors.js';

export interface Address {
  /** Without credentials: `nats://host:4222`, each of several. */
  readonly servers: readonly string[];
  readonly tls: boolean;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
}

/** A host with a port. An IPv6 address without brackets has more colons, and no port. */
const WITH_PORT = /^(?:\[[^\]]*\]|[^:[\]]*):([^:]*)$/;
const FORM = /^(?:(nats|tls):\/\/)?(?:([^\s/]*)@)?([^\s/@]+)\/?$/;

/**
 * Reads `nats://host:4222`, `tls://user:password@host` or `nats://token@host`; several with commas between them. Credentials
 * are percent-encoded, as in any URL. @throws PffError `usage`, in which no secret appears
 */
export function parseAddress(text: string): Address {
  const parsed = text.split(',').map((each) => FORM.exec(each.trim()));
  if (parsed.some((match) => match === null))
    throw new PffError(
      'usage',
      `--server must be nats://HOST:PORT or tls://HOST:PORT, but is ${JSON.stringify(withoutSecrets(text))}`,
      {
        hint: 'A user goes before the host: nats://USER:PASSWORD@HOST:PORT, with / : @ and , in it as %2F %3A %40 %2C.',
      },
    );
  const found = parsed.map((match) => ({ scheme: match?.[1], login: match?.[2], host: match?.[3] as string }));
  for (const { host } of found) {
    const port = WITH_PORT.exec(host)?.[1];
    if (port === undefined || (/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) continue;
    throw new PffError('usage', `the port in --server must be 1 to 65535, but is ${JSON.stringify(port)} in ${host}`, {
      hint: 'NATS listens on 4222 unless told otherwise: nats://HOST:4222.',
    });
  }
  const logins = new Set(found.flatMap(({ login }) => login ?? []));
  if (logins.size > 1)
    throw new PffError('usage', 'the addresses of --server carry different credentials', {
      hint: 'One connection has one user: give the same to all, or use --user and --password.',
    });
  return {
    servers: found.map(({ scheme, host }) => (scheme === undefined ? host : `${scheme}://${host}`)),
    tls: found.some(({ scheme }) => scheme === 'tls'),
    ...loginOf([...logins][0]),
  };
}

/** An address as it may be shown: whatever stands before the host is left out. */
export function withoutSecrets(text: string): string {
  return text
    .split(',')
    .map((each) => each.replace(/^(\s*(?:[\w+.-]+:\/\/)?).*@/s, '$1'))
    .join(',');
}

function loginOf(login: string | undefined): Pick<Address, 'user' | 'password' | 'token'> {
  if (!login) return {};
  const colon = login.indexOf(':');
  try {
    if (colon < 0) return { token: decodeURIComponent(login) };
    return { user: decodeURIComponent(login.slice(0, colon)), password: decodeURIComponent(login.slice(colon + 1)) };
  } catch {
    throw new PffError('usage', 'the credentials in the address of --server are not percent-encoded as in a URL', {
      hint: 'Write % as %25, or use --user and --password.',
    });
  }
}
