/**
 * Kernels on a GPU by WebGPU, in Node.js and in browsers, with the bits of the CPU: exact numerics, proved on the very device. A GPU whose own
 * arithmetic does not pass gets what is element-wise in integer arithmetic; in bf16 the products, whose terms are exact, stay its own.
 */
import { isProved, setProved } from '#platform/proofs';
import { PffError } from '../../errors.js';
import type { Kernels, Precision } from '../kernels.js';
import { exactNumerics } from '../numerics.js';
import { proveBlocks, proveNumerics } from '../probe.js';
import { openReference } from '../reference/reference.js';
import type { ArithmeticForm } from './arithmetic.js';
import { GpuBlock } from './block/block.js';
import { proveOtherBlocks } from './block/proof.js';
import { blockShaders } from './block/shaders.js';
import { GpuBlockTrainer } from './block/trainer.js';
import { GpuDense } from './dense.js';
import { sharedDevice, type GpuDevice } from './device.js';
import { activationsChanged } from './kept-activations.js';
import type { ShaderOptions } from './products.js';
import { GpuTrainer } from './trainer.js';

const wordsOf: Readonly<Record<ArithmeticForm, string>> = {
  device: "in the GPU's own arithmetic",
  integer: 'in integer arithmetic',
};
const FORMS: readonly ArithmeticForm[] = ['device', 'integer'];
/** Proofs under way, by what is proved; one that is done is kept for all threads of the process. */
const proofs = new Map<string, Promise<ArithmeticForm>>();

/**
 * @param adapter part of the name of the adapter to use
 * @throws PffError `kernels` where there is no GPU, or none whose bits are right
 */
export async function openWebGpu(precision: Precision = 'f32', adapter?: string): Promise<Kernels> {
  const device = await sharedDevice(adapter);
  const form = await formOn(device, precision);
  // Layers that are opened after a failure are opened on the device that takes its place.
  const present = () => sharedDevice(adapter);
  const dense = denseOn(device, shaderOptions(device, precision, form), present);
  let formOfBlocks = form;
  return {
    ...dense,
    // It may be asked for before and after the first convolution.
    get name() {
      return formOfBlocks === form ? dense.name : `${dense.name}, convolutions ${wordsOf[formOfBlocks]}`;
    },
    // Their shaders are many, and take long to compile on some devices: proved when first asked for.
    async openBlock(stages, tensors, options) {
      const now = await present();
      formOfBlocks = await formOn(now, precision, 'blocks');
      return GpuBlock.open(now, stages, tensors, options, blockShaders(shaderOptions(now, precision, formOfBlocks)));
    },
  };
}

type Proof = 'dense' | 'blocks';

/** Which form gives the bits of the numerics on this device; found once in a process. @throws PffError `kernels` if none does */
export async function formOn(device: GpuDevice, precision: Precision, what: Proof = 'dense'): Promise<ArithmeticForm> {
  const key = `webgpu/${device.description} ${precision} ${what}`;
  const known = FORMS.find((form) => isProved(`${key} ${form}`));
  if (known) return known;
  const proof = proofs.get(key) ?? proveForm(device, precision, what);
  proofs.set(key, proof);
  try {
    const form = await proof;
    setProved(`${key} ${form}`);
    return form;
  } finally {
    proofs.delete(key);
  }
}

async function proveForm(device: GpuDevice, precision: Precision, what: Proof): Promise<ArithmeticForm> {
  // A device in software takes long to compile shaders, and those known do not pass by their own arithmetic.
  const forms = device.software ? FORMS.slice(1) : FORMS;
  let failure: unknown;
  for (const form of forms) {
    const options = shaderOptions(device, precision, form);
    try {
      // Each tiling has shaders of its own.
      for (const one of options.each) {
        const tiled: ShaderOptions = { ...options, each: [one] };
        if (what === 'dense') await proveNumerics(denseOn(device, tiled));
        else await proveBlocks(kernelsOn(device, tiled));
      }
      if (what === 'blocks' && form === 'device') await proveOtherBlocks(kernelsOn(device, options), precision);
      return form;
    } catch (error) {
      if (!(error instanceof PffError) || error.code !== 'kernels' || device.failed) throw error;
      failure = error;
    }
  }
  throw failure;
}

function shaderOptions({ software }: GpuDevice, precision: Precision, form: ArithmeticForm): ShaderOptions {
  // Chains in integer arithmetic are long code, which is to stand in a shader once.
  return { form, precision, each: software || (form === 'integer' && precision === 'f32') ? [1] : [2, 4, 8] };
}

/** The kernels on an open device, which stays open: others may use it. @param options of shaders; tests choose them */
export function kernelsOn(device: GpuDevice, options: ShaderOptions): Kernels {
  return {
    ...denseOn(device, options),
    openBlock: (stages, tensors, block) => GpuBlock.open(device, stages, tensors, block, blockShaders(options)),
  };
}

/** @param present the device that layers are opened on, if it is not always the same */
function denseOn(device: GpuDevice, options: ShaderOptions, present = () => Promise.resolve(device)): Kernels {
  const { precision, form } = options;
  const cpu = openReference(precision);
  return {
    name: `webgpu/${device.description}${form === 'integer' ? ` ${wordsOf.integer}` : ''}`,
    numerics: exactNumerics[precision],
    threads: 1,
    openDense: async (tensors, dense) => GpuDense.open(await present(), tensors, dense, options),
    openTrainer(parts, loss) {
      const [layer, head] = parts;
      if (head !== undefined && !(head instanceof GpuDense)) return undefined;
      if (layer instanceof GpuBlock) return new GpuBlockTrainer(layer, head, loss);
      return layer instanceof GpuDense ? new GpuTrainer(layer, head, loss) : undefined;
    },
    stageBytes: (...args) => cpu.stageBytes(...args),
    dropout(input, mask, out, sumSquares) {
      cpu.dropout(input, mask, out, sumSquares);
      activationsChanged(out);
    },
    close() {},
  };
}
