/** A user's own dataset: four IDX files in a folder, with images of any size and up to 256 classes. */
import { checkText } from '../../known-options.js';
import type { Dataset } from '../dataset.js';
import { loadIdxFolder, neededFiles, type NeededPart } from './idx-folder.js';

/** The IDX files in `folder`; the classes are 0 … highest label. */
export async function loadIdx(folder: string, needs?: NeededPart): Promise<Dataset> {
  checkText('the folder of loadIdx', folder);
  const folders = {
    all: 'Name by --data-dir a folder with',
    train: 'Only the training data of the folder is used; it must have',
    test: 'Only the test data of the folder is used; it must have',
  };
  return loadIdxFolder({
    name: 'idx',
    folders: [folder],
    hint: `${folders[needs ?? 'all']} ${neededFiles(needs).join(', ')} (each may end in .gz).`,
    needs,
  });
}
