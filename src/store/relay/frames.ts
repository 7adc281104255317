/**
 * What goes over the WebSocket between a node in a browser and the relay (docs/BROWSER.md): a request or answer as JSON, and
 * the bytes of a record or chunk behind it. One frame a message: 4 bytes with the length of the JSON, the JSON, the bytes.
 */
import { z } from 'zod';
import { parseJson } from '../cluster/records.js';

const id = z.int().nonnegative();
const key = z.string().min(1).max(200);
const revision = z.int().nonnegative();

/** The calls of an engine (../cluster/engine.ts); `value` and `bytes` travel behind the JSON. */
export const requestSchema = z.discriminatedUnion('call', [
  z.strictObject({ id, call: z.literal('next'), after: revision }),
  z.strictObject({ id, call: z.literal('read'), key }),
  z.strictObject({ id, call: z.literal('write'), key, expected: revision }),
  z.strictObject({ id, call: z.literal('putChunk'), key }),
  z.strictObject({ id, call: z.literal('getChunk'), key }),
  z.strictObject({ id, call: z.literal('dropChunks'), key }),
  z.strictObject({ id, call: z.literal('chunkKeys') }),
  z.strictObject({ id, call: z.literal('state') }),
  z.strictObject({ id, call: z.literal('open') }),
]);
export type RelayRequest = z.infer<typeof requestSchema>;
/** A request without its number. */
export type RelayCall = RelayRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never;

const error = z.object({
  name: z.string(),
  message: z.string(),
  code: z.string().optional(),
  kind: z.string().optional(),
  hint: z.string().optional(),
});

const answer = z.object({
  id,
  /** Of an entry, whose value is behind, or of a write. */
  key: key.optional(),
  revision: revision.optional(),
  /** A chunk is behind. */
  found: z.literal(true).optional(),
  identity: z.string().optional(),
  last: revision.optional(),
  keys: z.array(z.string()).optional(),
});
/** What a request came to. */
export type RelayFound = Partial<z.infer<typeof answer>>;

export const answerSchema = z.union([
  /** To all who listen, unasked. */
  z.object({ hint: z.enum(['changed', 'reset']), revision: revision.optional() }),
  z.object({ id, error }),
  answer,
]);
export type RelayAnswer = z.infer<typeof answerSchema>;

/** Bytes of a frame that are not the record or chunk: more is no request. */
export const FRAME_ROOM = 1024;
const LENGTH_BYTES = 4;

export function encodeFrame(json: object, bytes: Uint8Array = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(json));
  const frame = new Uint8Array(LENGTH_BYTES + text.length + bytes.length);
  new DataView(frame.buffer).setUint32(0, text.length);
  frame.set(text, LENGTH_BYTES);
  frame.set(bytes, LENGTH_BYTES + text.length);
  return frame;
}

/** The bytes are a view of the frame. Undefined for what is no frame. */
export function decodeFrame(frame: Uint8Array): { readonly json: unknown; readonly bytes: Uint8Array } | undefined {
  if (frame.length < LENGTH_BYTES) return undefined;
  const end = LENGTH_BYTES + new DataView(frame.buffer, frame.byteOffset).getUint32(0);
  if (end > frame.length) return undefined;
  const json = parseJson(frame.subarray(LENGTH_BYTES, end));
  return json === undefined ? undefined : { json, bytes: frame.subarray(end) };
}
