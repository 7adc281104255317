/** `pff export` and `pff import`: models to other programs and back. */
import { PffError } from '../../errors.js';
import * as units from '../../report/units.js';
import { exportFormats, exportModel, importModel } from '../../run/export.js';
import { defineCommand } from '../command.js';
import { dataDirFlag, jsonFlag, loadPlugin, noVerifyFlag, pluginFlag } from '../flags/common-flags.js';
import { DONE } from '../exit-codes.js';
import { choiceFlag, textFlag } from '../flags/flags.js';
import { partialNote } from '../flags/partial.js';
import { readConfig } from '../flags/spec-sources.js';

export const exportCommand = defineCommand({
  name: 'export',
  usage: ['pff export RUN --to FORMAT [options]'],
  words: ['folder'],
  about: [
    'RUN is the folder that pff train made, or a model file. onnx: a model that takes images [n, size] of floats 0 … 1, or rows [n, columns] of a table as they are in the file (a text by its place among the values of its column, which the metadata list), and gives scores and label, with all of the prediction inside (scaling of columns, overlay of labels, normalisation). safetensors, npz: the weights, with the spec beside them.',
  ],
  flags: {
    to: choiceFlag(exportFormats, 'the format to write'),
    out: { ...textFlag('FILE', 'the file to write'), shownDefault: 'RUN/model.onnx, model.npz, export.safetensors' },
    'data-dir': dataDirFlag,
    plugin: pluginFlag,
    'no-verify': noVerifyFlag,
    json: jsonFlag,
  },
  examples: [
    ['pff export pff-runs/NAME --to onnx', 'for ONNX Runtime and what reads its models'],
    ['pff export pff-runs/NAME --to npz --out weights.npz', 'for numpy.load'],
  ],
  run: async ({ flags, words }, { out, err }) => {
    const [run] = words;
    if (run === undefined || words.length > 1 || flags.to === undefined)
      throw new PffError('usage', 'pff export takes one run and a format', {
        hint: `Write pff export RUN --to ${exportFormats.join('|')}.`,
      });
    await loadPlugin(flags);
    const verify = !flags['no-verify'];
    const exported = await exportModel(run, { to: flags.to, out: flags.out, dataDir: flags['data-dir'], verify });
    const partial = partialNote(run, verify, flags.plugin);
    if (partial !== undefined) err.line(`pff: ${partial}`);
    if (flags.json) out.line(JSON.stringify(exported));
    else out.line(`${exported.file} (${units.bytes(exported.bytes)}), model digest ${exported.modelDigest}`);
    return DONE;
  },
});

export const importCommand = defineCommand({
  name: 'import',
  usage: ['pff import FILE --out DIR [options]'],
  words: ['file'],
  about: [
    'FILE is safetensors or NPZ, with tensors named as pff names them: layer1.weight [inputs, outputs], layer1.bias, layer1.head.weight, …, classifier.weight. Where it does not say what its network is, --config does.',
  ],
  flags: {
    out: textFlag('DIR', 'run folder to make; it must not exist or be empty'),
    config: textFlag('FILE', 'JSON file with the spec of the network; its fields win over those in FILE'),
    'data-dir': dataDirFlag,
    plugin: pluginFlag,
    'no-verify': noVerifyFlag,
    json: jsonFlag,
  },
  examples: [['pff import weights.npz --out runs/mine', 'then pff eval runs/mine']],
  run: async ({ flags, words }, { out }) => {
    const [file] = words;
    if (file === undefined || words.length > 1 || flags.out === undefined)
      throw new PffError('usage', 'pff import takes one file and the folder to make', {
        hint: 'Write pff import FILE --out DIR.',
      });
    await loadPlugin(flags);
    const spec = flags.config === undefined ? undefined : readConfig(flags.config);
    const imported = await importModel(file, {
      out: flags.out,
      spec,
      dataDir: flags['data-dir'],
      verify: !flags['no-verify'],
    });
    if (flags.json) out.line(JSON.stringify(imported));
    else out.line(`${imported.file}, model digest ${imported.modelDigest}`);
    return DONE;
  },
});
