/** Keys on which implementations do not agree, or with which anything can be signed, say nothing in an audited run. */
import { ED25519_TORSION_SUBGROUP } from '@noble/curves/ed25519.js';
import { expect, it } from 'vitest';
import { signerFromSeed, verifySignature } from '../../src/audit/identity.js';
import { isSoundKey } from '../../src/audit/sound-key.js';

const ones = 'ff'.repeat(30);

it.each(ED25519_TORSION_SUBGROUP)('refuses the key %s of small order', (key) => {
  expect(isSoundKey(key)).toBe(false);
  // Of the neutral point, S = 0 and R = the point itself are a signature of every text.
  expect(verifySignature(key, 'anything', `${key}${'0'.repeat(64)}`)).toBe(false);
});

it('refuses keys with a y that is too large, and takes the largest that is not', () => {
  for (const first of ['ed', 'ee', 'ef', 'f0', 'ff'])
    for (const last of ['7f', 'ff']) expect(isSoundKey(first + ones + last)).toBe(false);
  expect(isSoundKey(`eb${ones}7f`)).toBe(true);
});

it('takes the keys of signers', () => {
  for (let i = 0; i < 20; i++) {
    const signer = signerFromSeed(new Uint8Array(32).fill(i));
    expect(isSoundKey(signer.key)).toBe(true);
    expect(verifySignature(signer.key, `text ${i}`, signer.sign(`text ${i}`))).toBe(true);
  }
});
