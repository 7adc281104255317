/** Addresses of servers: credentials in them are read, and no message shows them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageOf, PffError } from '../../src/errors.js';
import { connectNats } from '../../src/store/nats/connect.js';
import { parseAddress, withoutSecrets } from '../../src/store/nats/address.js';

describe('an address', () => {
  it.each([
    ['nats://h:1', { servers: ['nats://h:1'], tls: false }],
    ['h', { servers: ['h'], tls: false }],
    ['nats://u:p@h:1', { servers: ['nats://h:1'], tls: false, user: 'u', password: 'p' }],
    ['tls://u:p%40%2C%3A@h, tls://g', { servers: ['tls://h', 'tls://g'], tls: true, user: 'u', password: 'p@,:' }],
    ['nats://s3cret@h', { servers: ['nats://h'], tls: false, token: 's3cret' }],
    ['nats://u:p:q@[::1]:4222', { servers: ['nats://[::1]:4222'], tls: false, user: 'u', password: 'p:q' }],
  ])('%s', (text, expected) => {
    expect(parseAddress(text)).toEqual(expected);
  });

  it.each(['nats://u:p@127.0.0.1:99999', 'h:0', 'nats://h:', 'tls://h:42a', 'nats://[::1]:65536', 'h:1,g:-1'])(
    '%s: its port is refused and named',
    (text) => {
      const port = text.split(':').at(-1);
      expect(() => parseAddress(text)).toThrow(`the port in --server must be 1 to 65535, but is "${port}"`);
    },
  );

  it.each(['h:65535', '::1', 'nats://[::1]'])('%s has no wrong port', (text) => {
    expect(parseAddress(text).servers).toEqual([text]);
  });

  it.each([
    'http://u:s3cret@h/x',
    'nats://u:s3cret@h/x',
    'nats://u:s3/cret@h',
    'nats://u:%s3cret@h',
    'nats://a:s3cret@h,nats://b:s3cret@h',
  ])('%s is refused without a word of its secret', (text) => {
    const error = ((): unknown => {
      try {
        return parseAddress(text);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(PffError);
    expect(`${messageOf(error)} ${(error as PffError).hint}`).not.toMatch(/s3\/?cret/);
  });

  it('is shown without what stands before the host', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[^,]{4,20}$/), (secret) => {
        expect(withoutSecrets(`nats://user:s3cret${secret}@host:1`)).toBe('nats://host:1');
      }),
    );
  });

  it('of a server that is not there is named without its secret', async () => {
    const error: unknown = await connectNats({ server: 'nats://u:s3cret@127.0.0.1:1' }, 'test').catch(
      (e: unknown) => e,
    );
    expect(messageOf(error)).toMatch(/cannot reach the server nats:\/\/127\.0\.0\.1:1/);
    expect(`${messageOf(error)} ${(error as PffError).hint} ${(error as Error).stack}`).not.toMatch('s3cret');
  });
});
