/** `gpus` of a run: which of its nodes compute on which GPU. */
import { gpuNames } from '#platform/gpu';
import { PffError } from '../errors.js';
import { isOnGpu, onGpu, type KernelsChoice } from '../kernels/choices.js';
import type { Execution, TrainOptions } from './options.js';

/** The first nodes have a GPU each; the others compute as the rest of the run does. */
export function kernelsOfNode({ kernels, gpus }: Pick<Execution, 'kernels' | 'gpus'>, node: number): KernelsChoice {
  const gpu = gpus?.[node];
  return gpu === undefined ? kernels : onGpu(gpu);
}

/**
 * `options` with the GPUs that `gpus` means, by number, and by default a node for each.
 * @throws PffError `usage` where options contradict each other; `kernels` where there is no GPU, or not all of those named
 */
export async function withGpus(options: TrainOptions): Promise<TrainOptions> {
  const { gpus: asked, kernels = 'auto', nodes } = options;
  if (asked === undefined) return options;
  const wrong = (message: string, hint: string): never => {
    throw new PffError('usage', message, { hint });
  };
  if (options.cluster)
    wrong('gpus were given, but nodes of a cluster have GPUs of their own', 'Leave --gpus out; pff node has --gpu.');
  if (isOnGpu(kernels))
    wrong(`gpus were given, but all nodes compute with ${kernels} kernels`, 'Leave --gpu and --kernels out.');
  const all = asked === 'all';
  const found = all ? (await namesOrNone()).map((_, number) => String(number)) : asked;
  // Opened to be asked for: each says why it cannot be had.
  const { sharedDevice } = await import('../kernels/webgpu/device.js');
  for (const gpu of found.length === 0 ? [undefined] : new Set(found)) await sharedDevice(gpu);
  const gpus = all && nodes !== undefined ? found.slice(0, nodes) : found;
  const many = nodes ?? gpus.length;
  if (gpus.length > many)
    wrong(
      `${gpus.length} GPUs were given, but nodes is ${many}`,
      'Each GPU needs a node: raise --nodes, or name fewer.',
    );
  // One node computes in the run's own thread.
  const [only] = gpus;
  if (many === 1 && only !== undefined) return { ...options, gpus: undefined, nodes: 1, kernels: onGpu(only) };
  return { ...options, gpus, nodes: many };
}

async function namesOrNone(): Promise<readonly string[]> {
  try {
    return await gpuNames();
  } catch {
    return [];
  }
}
