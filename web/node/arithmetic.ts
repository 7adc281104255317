/** Where the user chooses what computes: the GPU, by its name, or WebAssembly; and why where there is no GPU to choose. */
import { h, put } from '../dom.js';
import { offeredGpu, type OfferedGpu, type TabKernels } from './kernels.js';

export interface ArithmeticChoice {
  readonly element: HTMLElement;
  readonly chosen: () => TabKernels;
  /** For the next visit: what the user chose by hand, now or before. */
  readonly toKeep: () => TabKernels | undefined;
}

/** @param kept what was chosen before, if anything */
export function arithmeticChoice(kept: TabKernels | undefined): ArithmeticChoice {
  const onGpu = h('option', { value: 'webgpu', disabled: true }, 'GPU');
  const select = h(
    'select',
    { id: 'arithmetic' },
    onGpu,
    h('option', { value: 'auto', selected: true }, 'WebAssembly'),
  );
  const note = h('span', { class: 'why', role: 'status' }, 'looking for a GPU …');
  const offer = (gpu: OfferedGpu): void => {
    put(note, noteOf(gpu));
    if ('why' in gpu) return;
    put(onGpu, `GPU (${gpu.name})`);
    onGpu.disabled = false;
    if (kept === 'webgpu' || (kept === undefined && !gpu.software)) select.value = 'webgpu';
  };
  void offeredGpu().then(offer);
  const chosen = (): TabKernels => (select.value === 'webgpu' ? 'webgpu' : 'auto');
  let toKeep = kept;
  select.addEventListener('change', () => (toKeep = chosen()));
  const element = h('p', { class: 'field' }, h('label', { for: 'arithmetic' }, 'Compute with'), select, note);
  return { element, chosen, toKeep: () => toKeep };
}

function noteOf(gpu: OfferedGpu): string {
  if ('why' in gpu) return `no GPU: ${gpu.why}`;
  return gpu.software ? 'this GPU is software and slow' : '';
}
