/**
 * TensorBoard event files: TFRecords (length, masked CRC-32C, data, masked CRC-32C) of tensorflow.Event messages with
 * scalar summaries. Values in, bytes out.
 */
import { Message } from './protobuf.js';

/** CRC-32C (Castagnoli), reflected polynomial 0x82f63b78. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = ((TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8)) >>> 0;
  return (crc ^ 0xffffffff) >>> 0;
}

/** The mask of TFRecord files, so that a checksum of data that holds checksums stays a good one. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, masked(data), true);
  return bytes;
}

/** The record that every event file begins with. `seconds`: Unix time. */
export function fileVersionRecord(seconds: number): Uint8Array {
  return record(new Message().double(1, seconds).text(3, 'brain.Event:2').encode());
}

/** One record with scalars of one step, by tag. `seconds`: Unix time. */
export function scalarsRecord(seconds: number, step: number, scalars: Readonly<Record<string, number>>): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) => new Message().text(1, tag).float(2, value));
  const summary = new Message().messages(1, ...values);
  return record(new Message().double(1, seconds).integer(2, step).messages(5, summary).encode());
}
