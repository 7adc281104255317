/** A user's own dataset: four IDX files in a folder, with images of any size and up to 256 classes. */
import type { Dataset } from '../dataset.js';
import { IDX_FILES, loadIdxFolder } from './idx-folder.js';

/** The IDX files in `folder`; the classes are 0 … highest label. */
export function loadIdx(folder: string): Promise<Dataset> {
  return loadIdxFolder({
    name: 'idx',
    folders: [folder],
    hint: `Name by --data-dir a folder with ${IDX_FILES.join(', ')} (each may end in .gz).`,
  });
}
