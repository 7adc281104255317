/**
 * Pieces of a NATS stream, cut anywhere: what comes out is the same bytes, and no message is in two pieces. And the transport that uses
 * this: nothing is left of it when a server does not answer.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WholeMessages, WholeMessageTransport } from '../../src/store/nats/whole-messages.js';

const line = fc.constantFrom(
  'PING\r\n',
  'PONG\r\n',
  '+OK\r\n',
  "-ERR 'Stale Connection'\r\n",
  'INFO {"port":4222}\r\n',
);
const payload = fc.uint8Array({ maxLength: 300 });
const message = fc.tuple(payload, payload, fc.boolean(), fc.boolean()).map(([header, data, hasHeader, lower]) => {
  const size = data.length + (hasHeader ? header.length : 0);
  const text = hasHeader ? `HMSG pff.r.s 7 _INBOX.x ${header.length} ${size}\r\n` : `MSG pff.r.s 7 ${size}\r\n`;
  const parts = [
    Buffer.from(lower ? text.toLowerCase() : text),
    ...(hasHeader ? [header] : []),
    data,
    Buffer.from('\r\n'),
  ];
  return { bytes: Buffer.concat(parts), before: (parts[0] as Buffer).length + (hasHeader ? header.length : 0) };
});
const items = fc.array(
  fc.oneof(
    message,
    line.map((text) => ({ bytes: Buffer.from(text), before: undefined })),
  ),
);

describe('whole messages', () => {
  it('leave every byte as it was, and no message in two pieces', () => {
    fc.assert(
      fc.property(items, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (stream, cuts) => {
        const all = Buffer.concat(stream.map(({ bytes }) => bytes));
        const whole = new WholeMessages();
        const out: Uint8Array[] = [];
        for (let at = 0, i = 0; at < all.length; i++) {
          const end = at + (cuts[i % cuts.length] as number);
          out.push(...whole.push(all.subarray(at, end)));
          at = end;
        }
        expect(Buffer.concat(out).equals(all)).toBe(true);
        const ends = new Set<number>();
        for (let i = 0, at = 0; i < out.length; i++) ends.add((at += (out[i] as Uint8Array).length));
        for (let i = 0, at = 0; i < stream.length; i++) {
          const { bytes, before } = stream[i] as (typeof stream)[number];
          if (before !== undefined)
            for (let cut = at + 1; cut < at + bytes.length; cut++) expect(ends.has(cut)).toBe(false);
          at += bytes.length;
        }
      }),
    );
  });

  it('gathered from pieces have their data at a multiple of 8', () => {
    const data = Buffer.alloc(1000, 5);
    const whole = new WholeMessages();
    const bytes = Buffer.concat([Buffer.from(`HMSG a.b 12 10 1010\r\nNATS/1.0\r\n`), data, Buffer.from('\r\n')]);
    const out = [...whole.push(bytes.subarray(0, 100)), ...whole.push(bytes.subarray(100))];
    expect(out.length).toBe(1);
    const [gathered] = out as [Uint8Array];
    expect((gathered.byteOffset + gathered.indexOf(5)) % 8).toBe(0);
  });

  it('leave a size that is none, or more than any server takes, to the parser', () => {
    for (const text of ['MSG a 1 99999999999\r\n', 'MSG a 1 x\r\n', 'MSG\r\n', 'HMSG a 1 20 10\r\n'])
      expect(Buffer.concat([...new WholeMessages().push(Buffer.from(text))]).toString()).toBe(text);
  });
});

describe('a connection to a server that does not greet', () => {
  it('is gone when it is given up, also before it is made', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const to = { hostname: '127.0.0.1', port: (silent.address() as AddressInfo).port, tlsName: '' };
    try {
      const transport = new WholeMessageTransport();
      const accepted = once(silent, 'connection');
      void transport.connect(to, {}).catch(() => {});
      const [there] = (await accepted) as [Socket];
      const gone = once(there.resume(), 'close');
      await transport.close(new Error('timeout'));
      await gone;

      const early = new WholeMessageTransport();
      void early.connect(to, {}).catch(() => {});
      await early.close(new Error('timeout'));
      expect(early.socket.destroyed).toBe(true);
    } finally {
      silent.close();
    }
  });
});
