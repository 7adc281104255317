/** Names of datasets in a spec, and that of one which a program gave in memory. */
import type { Dataset } from './dataset.js';

/** Names that `loadDataset` knows. */
export const DATASET_NAMES = ['mnist', 'fashion-mnist', 'cifar10', 'idx', 'own'] as const;
export type DatasetName = (typeof DATASET_NAMES)[number];

/** Whether `loadDataset` itself knows the name. */
export function isListed(name: string): name is DatasetName {
  return DATASET_NAMES.some((each) => each === name);
}

/** What a spec says of a dataset that a program gave in memory: it cannot be loaded again by a name. */
export const IN_MEMORY = 'memory';

/**
 * The name in a spec of a dataset in memory: its own where it is found again by that, which is never so for `own`.
 * @param known whether a name can be loaded
 */
export function nameInMemory({ name }: Pick<Dataset, 'name'>, known: (name: string) => boolean = isListed): string {
  return name !== 'own' && known(name) ? name : IN_MEMORY;
}
