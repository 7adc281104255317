/** Looks at the network that a finished run has saved: for runs whose log has no analysis of it. */
import { messageOf, PffError } from '../errors.js';
import { analyseRun, datasetOfRun } from '../run/saved-model.js';
import type { PageEvent } from './page-event.js';
import { lastChapter, type RunView } from './run-view.js';

/** An analysis of the layers that the run came to, or a remark why there is none. */
export async function lookAtRun(folder: string, view: RunView, dataDir: string | undefined): Promise<PageEvent> {
  try {
    const analysis = await analyseRun(folder, await datasetOfRun(folder, dataDir));
    return { type: 'analysis', chapter: lastChapter(view), at: view.now - view.offset, analysis };
  } catch (error) {
    const hint = error instanceof PffError && error.hint !== undefined ? `. ${error.hint}` : '';
    return { type: 'remark', text: `The network could not be analysed: ${messageOf(error)}${hint}` };
  }
}
