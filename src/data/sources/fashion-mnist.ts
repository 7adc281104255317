/** Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 60,000 + 10,000 articles of clothing of 28 x 28 pixels. */
import type { Dataset } from '../dataset.js';
import { IDX_FILES, loadIdxFolder, type NeededPart } from './idx-folder.js';

const CLASSES = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

/** Fashion-MNIST from the first of `folders` that has it. */
export function loadFashionMnist(folders: readonly string[], needs?: NeededPart): Promise<Dataset> {
  return loadIdxFolder({
    name: 'fashion-mnist',
    folders,
    hint: `Run pff data get fashion-mnist, or name by --data-dir a folder with ${IDX_FILES.join(', ')} (each may end in .gz).`,
    classes: CLASSES,
    shape: { width: 28, height: 28, channels: 1 },
    needs,
  });
}
