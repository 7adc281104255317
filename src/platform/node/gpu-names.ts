/** Which GPU is meant by a number or a part of a name. Dawn opens the first one whose name contains what it is given. */
import { PffError } from '../../errors.js';

/** The names in the text by which Dawn says that no adapter has the name asked for, in its order. */
export function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/^ \* backend: '[^']*', name: '(.*)'$/gm)].map(([, name]) => name ?? '');
}

/**
 * The full name of the GPU that `asked` means: a number from 0, or a part of a name in capital or small letters.
 * @throws PffError `kernels` where no GPU is meant, or Dawn would open another one
 */
export function pickGpu(names: readonly string[], asked: string): string {
  const lower = asked.toLowerCase();
  const numbered = /^\d+$/.test(asked) && Number(asked) < names.length ? Number(asked) : undefined;
  const index =
    numbered ??
    [names.indexOf(asked), names.findIndex((name) => name.toLowerCase().includes(lower))].find((i) => i >= 0);
  const name = index === undefined ? undefined : names[index];
  const listed = names.map((each, i) => `${i} ${each}`).join(', ');
  if (index === undefined || name === undefined)
    throw new PffError('kernels', `there is no GPU ${asked} for webgpu kernels; there are: ${listed}`, {
      hint: 'Choose one by its number or a part of its name, or --kernels auto.',
    });
  const first = names.findIndex((each) => each.includes(name));
  if (first === index) return name;
  throw new PffError(
    'kernels',
    `GPU ${index} (${name}) cannot be opened: Dawn opens a GPU by its name, and would take GPU ${first} (${names[first]})`,
    {
      hint: 'Start a process of its own for it, in a container or environment that shows it no other GPU (docs/GPU.md).',
    },
  );
}
