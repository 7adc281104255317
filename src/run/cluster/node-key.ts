/** The key of this machine's nodes, by which audited runs know whose result is whose: a file with 32 secret bytes in hex. */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { signerFromSeed, type Signer } from '../../audit/identity.js';
import { codeOf, messageOf, PffError } from '../../errors.js';

/** `$PFF_NODE_KEY`, or a file in the user's configuration folder. */
export function nodeKeyFile(): string {
  const { PFF_NODE_KEY, XDG_CONFIG_HOME, APPDATA } = process.env;
  if (PFF_NODE_KEY) return PFF_NODE_KEY;
  if (process.platform === 'win32' && APPDATA) return path.join(APPDATA, 'pff', 'node.key');
  return path.join(XDG_CONFIG_HOME || path.join(os.homedir(), '.config'), 'pff', 'node.key');
}

/** The key in a file, made if there is none. @throws PffError `files` */
export function nodeSigner(file = nodeKeyFile()): Signer {
  const seed = read(file) ?? make(file);
  if (!/^[0-9a-f]{64}$/.test(seed))
    throw new PffError('files', `${file} is not the key of a node`, {
      hint: 'It has to hold 64 hex digits. Remove it, and a new one is made; or name another with --key FILE.',
    });
  return signerFromSeed(Buffer.from(seed, 'hex'));
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new PffError('files', `the key of this node cannot be read: ${messageOf(error)}`, {
      hint: 'Name a file that this user may read with --key FILE.',
      cause: error,
    });
  }
}

/** Several nodes may start at once: the first makes the file, all have its key. */
function make(file: string): string {
  const temporary = `${file}.${process.pid}.new`;
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flush: true });
    try {
      linkSync(temporary, file);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new PffError('files', `no key for this node could be made: ${messageOf(error)}`, {
      hint: 'Name a file that this user may write with --key FILE, or by the environment variable PFF_NODE_KEY.',
      cause: error,
    });
  }
}
