/** Whether a file can be a model at all, told from how it begins: what is none is not called a damaged one. */
import path from 'node:path';
import { PffError } from '../errors.js';

const BRACE = 0x7b;

/** NPZ is a ZIP archive; safetensors begins with the length of a JSON object, eight bytes, and that object. */
export function modelKind(bytes: Uint8Array): 'npz' | 'safetensors' | undefined {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return 'npz';
  return bytes[8] === BRACE ? 'safetensors' : undefined;
}

const OTHERS: Readonly<Record<string, string>> = {
  '.onnx': 'an ONNX model, which pff writes but does not read',
  '.pt': 'a file of PyTorch',
  '.pth': 'a file of PyTorch',
  '.h5': 'an HDF5 file',
  '.keras': 'a file of Keras',
  '.npy': 'a single array',
};

/** @throws PffError `files` for a file that says by its name and its beginning that it is something else. */
export function checkIsModel(file: string, bytes: Uint8Array): void {
  const ending = path.extname(file).toLowerCase();
  const claims = ending === '.safetensors' || ending === '.npz' || ending === '';
  const other = OTHERS[ending];
  if (other === undefined && (claims || modelKind(bytes) !== undefined)) return;
  throw new PffError('files', `${file} is ${other ?? 'no model'}: models are safetensors or NPZ`, {
    hint: 'Save its weights as safetensors or NPZ, named as pff names them (pff help import).',
  });
}
