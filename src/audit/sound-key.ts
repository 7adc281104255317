/** Which Ed25519 public keys may say something in an audited run. */

/** y of the points of small order (2, 4 and 8, and the neutral one), little-endian hex, without the sign of x. Whoever has such a key can sign for anything. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/**
 * False for keys of small order, and for those that are not written as the curve has it (y is 2²⁵⁵ - 19 or more): implementations do not
 * agree on them, and nodes must agree on what was said. @param key 64 hex digits
 */
export function isSoundKey(key: string): boolean {
  const last = Number.parseInt(key.slice(62), 16) & 0x7f;
  const y = `${key.slice(0, 62).toLowerCase()}${last.toString(16).padStart(2, '0')}`;
  const isTooLarge = /^(?:e[def]|f.)(?:ff){30}7f$/.test(y);
  return !isTooLarge && !SMALL_ORDER.has(y);
}
