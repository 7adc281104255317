/** Picking data of one's own for a federated run: a folder of images or one table, as the run takes them, and the slot. */
import type { RunRecord } from '../../src/store/cluster/run-record.js';
import { count } from '../../src/report/units.js';
import { h, say } from '../dom.js';
import type { Given } from './choice.js';
import type { PickedFile } from './own-data.js';

export interface Picker {
  readonly element: HTMLElement;
  given(): Given;
}

export function picker({ dataset, nodes }: RunRecord): Picker {
  const takesTable = dataset.inputs?.kind === 'columns';
  const input = h('input', {
    type: 'file',
    id: 'files',
    required: true,
    'aria-describedby': 'files-note',
    ...(takesTable
      ? { accept: '.csv,.tsv,.txt,.json,.jsonl,.ndjson,.parquet,.gz' }
      : { webkitdirectory: true, multiple: true }),
  });
  const slot = h(
    'select',
    { id: 'slot' },
    h('option', { value: '' }, 'any that is free'),
    ...Array.from({ length: nodes }, (_, i) => h('option', { value: i }, String(i + 1))),
  );
  const note = h('span', { id: 'files-note', class: 'note' });
  const classes = `${dataset.classes.slice(0, 8).join(', ')}${dataset.classes.length > 8 ? ', …' : ''}`;
  const tell = (): void => {
    const files = [...(input.files ?? [])];
    say(
      note,
      files.length === 0
        ? takesTable
          ? `Columns as in the run’s data; classes ${classes}.`
          : `A folder with a folder of images for each class: ${classes}.`
        : takesTable
          ? (files[0]?.name ?? '')
          : `${count(files.length)} files`,
    );
  };
  input.addEventListener('change', tell);
  tell();
  return {
    element: h(
      'div',
      { class: 'join' },
      h(
        'p',
        { class: 'field' },
        h('label', { for: 'files' }, takesTable ? 'Table to train on' : 'Folder of images to train on'),
        input,
        note,
      ),
      h('p', { class: 'field' }, h('label', { for: 'slot' }, 'Slot'), slot),
    ),
    given: () => ({
      files: [...(input.files ?? [])].map((file): PickedFile => ({ path: file.webkitRelativePath || file.name, file })),
      slot: slot.value === '' ? undefined : Number(slot.value),
    }),
  };
}
