/** `pff eval`. */
import { DATASET_NAMES } from '../../data/dataset-names.js';
import { PffError } from '../../errors.js';
import { kernelsNotice } from '../../report/kernels-notice.js';
import { accuracyLines, confusionBlock } from '../../report/summary.js';
import { evaluateRun } from '../../run/evaluate-run.js';
import { defineCommand } from '../command.js';
import {
  askedKernels,
  dataDirFlag,
  jsonFlag,
  kernelsFlags,
  loadPlugin,
  noVerifyFlag,
  pluginFlag,
} from '../flags/common-flags.js';
import { DONE } from '../exit-codes.js';
import { choiceFlag, flag, numberFlag, textFlag } from '../flags/flags.js';
import { partialNote } from '../flags/partial.js';

export const evalCommand = defineCommand({
  name: 'eval',
  usage: ['pff eval RUN [options]'],
  words: ['folder'],
  about: ['RUN is the folder that pff train made, or a model file (model.safetensors).'],
  flags: {
    dataset: {
      ...textFlag('NAME', 'evaluate on this dataset'),
      choices: DATASET_NAMES,
      shownDefault: 'the one that the network was trained on',
    },
    data: textFlag(
      'PATH',
      'evaluate on data of your own: a table with the same columns, arrays, or a folder of images for each class; its test part if it has one, else all of it',
    ),
    'data-dir': dataDirFlag,
    on: {
      ...choiceFlag(['test', 'validation'], 'the test set, or the samples that were held out of its training'),
      shownDefault: 'test',
    },
    classifier: {
      ...choiceFlag(
        ['goodness', 'softmax', 'last-head', 'all-heads'],
        'predict by another classifier, where the objective has several',
      ),
      shownDefault: 'the one of its spec',
    },
    mirror: flag('add the scores of the mirror image of each image to its own (test-time augmentation)'),
    'test-samples': {
      ...numberFlag('N', 'how many test samples to use; 0 for all', { whole: true, least: 0 }),
      shownDefault: '0',
    },
    plugin: pluginFlag,
    ...kernelsFlags(),
    'no-verify': noVerifyFlag,
    json: jsonFlag,
  },
  examples: [
    ['pff eval pff-runs/NAME', 'on all test images of its dataset'],
    ['pff eval pff-runs/NAME --data new-rows.csv', 'on rows that came later'],
    ['pff eval pff-runs/NAME --on validation', 'on the samples that were held out of its training'],
    ['pff eval pff-runs/NAME --classifier all-heads', 'by the heads of all layers, not the last one alone'],
    ['pff eval pff-runs/NAME --json', 'the same for programs'],
  ],
  run: async ({ flags, words }, { out, err }) => {
    const [run] = words;
    if (run === undefined || words.length > 1)
      throw new PffError('usage', `pff eval takes one run, but was given ${words.length}`, {
        hint: 'Write pff eval RUN, where RUN is the folder that pff train made.',
      });
    if (flags.data !== undefined && flags['data-dir'] !== undefined)
      throw new PffError('usage', '--data and --data-dir were given, but both name the samples', {
        hint: 'Leave one of them out.',
      });
    await loadPlugin(flags);
    const verify = !flags['no-verify'];
    const result = await evaluateRun(run, {
      dataset: flags.dataset,
      dataDir: flags['data-dir'],
      data: flags.data,
      on: flags.on,
      mirror: flags.mirror,
      classifier: flags.classifier,
      testSamples: flags['test-samples'],
      kernels: askedKernels(flags),
      verify,
    });
    if (result.kernelsReason !== undefined) err.line(`pff: ${kernelsNotice(result.kernels, result.kernelsReason)}`);
    for (const note of result.notes) err.line(`pff: ${note}`);
    if (flags.json) {
      out.line(JSON.stringify({ run, ...result }));
      return DONE;
    }
    const emphasis = { strong: out.paint.bold, faint: out.paint.dim };
    const { accuracy, layerAccuracy, confusion } = result;
    for (const line of accuracyLines({ accuracy, layerAccuracy, confusion }, result.evaluatedOn, emphasis))
      out.line(line);
    const by = flags.classifier === undefined ? '' : `by ${result.spec.classifier}, `;
    const views = flags.mirror ? 'each image and its mirror image, ' : '';
    out.line(`${by}${views}${result.dataset}, ${result.kernels} kernels`);
    const partial = partialNote(run, verify, flags.plugin);
    if (partial !== undefined) out.line(partial);
    out.line();
    for (const line of confusionBlock(confusion, result.classes, emphasis.strong)) out.line(line);
    return DONE;
  },
});
