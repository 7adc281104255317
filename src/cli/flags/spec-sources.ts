/** Where a run's spec comes from: flags win over the file, the file over the preset. */
import { readTextFile } from '../../data/sources/regular-file.js';
import { messageOf, PffError } from '../../errors.js';
import { objectives } from '../../objectives/table.js';
import { presets } from '../../spec/presets.js';
import type { PartialSpec } from '../../spec/spec.js';
import { textFlag, type Flags } from './flags.js';
import { AUTO } from '../../layers/sizes.js';
import { askedData, type GivenData } from './data-flags.js';
import { checkedSpec, specFlags, specFromFlags } from './spec-flags.js';
import { didYouMean } from '../../suggest.js';

/** Fields whose values fit one objective only: a preset's do not outlive its objective. */
const BY_OBJECTIVE = [
  'negatives',
  'classifier',
  'learningRate',
  'headLearningRate',
  'weightDecay',
  'labelLag',
] as const;
/** Fields whose defaults follow from the optimizer. */
const BY_OPTIMIZER = ['learningRate', 'headLearningRate', 'weightDecay'] as const;

const presetNames = Object.keys(presets);

/** `--preset`, `--config`, and all fields of the spec. */
export const specSourceFlags = {
  preset: {
    choices: presetNames,
    ...textFlag(
      'NAME',
      `start from a named setting: ${presetNames.map((name) => `${name} (${presets[name]?.summary})`).join('; ')}`,
    ),
    group: 'Setting',
    shownDefault: 'default',
  },
  config: {
    ...textFlag(
      'FILE',
      'JSON file with fields of the spec, such as spec.json of a run; options win over it, it wins over the preset',
    ),
    group: 'Setting',
  },
} satisfies Flags;

/** The spec that was asked for, still without the library's defaults. @throws PffError `usage` */
export function askedSpec(
  flags: Readonly<Record<string, unknown>> & GivenData & { readonly preset?: string; readonly config?: string },
): PartialSpec {
  const preset = presetSpec(flags.preset ?? 'default');
  const file = flags.config === undefined ? {} : readConfig(flags.config);
  const own = { ...file, ...specFromFlags(flags), ...askedData(flags).spec };
  if (flags['epochs'] !== undefined && flags['splits'] === undefined)
    keepChapters(
      own,
      { ...preset, ...file },
      flags.config === undefined ? `--preset ${flags.preset}` : `--config ${flags.config}`,
    );
  const kept = { ...preset };
  // A preset's network fits its dataset: for other data the first size is theirs.
  if (own.dataset === 'own' && kept.layers !== undefined && own.layers === undefined)
    kept.layers = [AUTO, ...kept.layers.slice(1)];
  if (own.objective !== undefined && own.objective !== (preset.objective ?? 'goodness'))
    for (const field of BY_OBJECTIVE) delete kept[field];
  // Losses of goodness have no softmax that it could be of; the classifier's is asked for.
  if (own.objective !== undefined && objectives.find(own.objective)?.variants === 2) delete kept.labelSmoothing;
  if (own.optimizer !== undefined && own.optimizer !== (preset.optimizer ?? 'adam'))
    for (const field of BY_OPTIMIZER) delete kept[field];
  const asked = { ...kept, ...own };
  // In a file it may be the default that a run's spec.json says.
  if (flags['momentum'] !== undefined && asked.optimizer !== 'sgd')
    throw new PffError('usage', '--momentum is of sgd, but the optimizer is adam', {
      hint: 'Add --optimizer sgd, or leave --momentum out.',
    });
  if (flags['cooldown-after'] !== undefined && ['constant', 'step', 'cosine'].includes(asked.schedule ?? ''))
    throw new PffError('usage', `--cooldown-after is of schedule cooldown, but the schedule is ${asked.schedule}`, {
      hint: 'Add --schedule cooldown, or leave --cooldown-after out.',
    });
  return asked;
}

/**
 * Epochs that are given over those of a file or preset leave the chapters as long as they are there. @throws PffError `usage` where
 * no whole number of chapters does that.
 */
function keepChapters(own: PartialSpec, from: PartialSpec, source: string): void {
  const { epochs, splits } = from;
  if (epochs === undefined || splits === undefined || own.epochs === undefined) return;
  const scaled = (splits * own.epochs) / epochs;
  if (!Number.isInteger(scaled))
    throw new PffError(
      'usage',
      `${source} has ${epochs} epochs in ${splits} chapters, and ${own.epochs} epochs make no whole number of such chapters`,
      { hint: 'Give --splits as well.' },
    );
  own.splits = scaled;
}

export { specFlags };

function presetSpec(name: string): PartialSpec {
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (preset === undefined)
    throw new PffError('usage', `unknown preset ${JSON.stringify(name)}`, {
      hint: didYouMean(name, presetNames, `Presets are ${presetNames.join(', ')}.`),
    });
  return preset.spec;
}

/** The spec in a JSON file. @throws PffError `usage` */
export function readConfig(file: string): PartialSpec {
  const hint = 'It must be a JSON object with fields of the spec, such as {"epochs": 4, "layers": [784, 500, 500]}.';
  let text: string;
  try {
    text = readTextFile(file);
  } catch (error) {
    throw new PffError('usage', `--config ${file} cannot be read: ${messageOf(error)}`, {
      hint: 'Give a JSON file, or a pipe that one comes from.',
      cause: error,
    });
  }
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw new PffError('usage', `--config ${file} is not JSON: ${messageOf(error)}`, { hint, cause: error });
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new PffError('usage', `--config ${file} is not a JSON object`, { hint });
  return checkedSpec(given, `--config ${file}`);
}
