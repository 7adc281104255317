/** All shaders of blocks, each made when it is first asked for: which are needed depends on the stages. */
import type { UpdateRule } from '../../operands.js';
import { arithmetic } from '../arithmetic.js';
import { sumSquares } from '../dense-shaders.js';
import type { Shader } from '../device.js';
import { productShader, type Product, type ShaderOptions } from '../products.js';
import { elementwise, parametersOf, shaderOf } from '../shader-text.js';
import { momentsOf, updateOf } from '../updates.js';
import * as convolution from './convolution-shaders.js';
import { inverseOf } from './inverse.js';
import * as norms from './norm-shaders.js';
import { BLOCK_PARAMETERS } from './parameters.js';
import * as planes from './plane-shaders.js';
import { normBuffers, type Finish } from './plane-shaders.js';

const made = new Map<string, BlockShaders>();

/** Those of these options, the same objects for all blocks: a device knows them by identity. */
export function blockShaders(options: ShaderOptions): BlockShaders {
  const key = `${options.form} ${options.precision} ${options.each.join()}`;
  const shaders = made.get(key) ?? new BlockShaders(options);
  made.set(key, shaders);
  return shaders;
}

/** Where each thread has one of p.count elements. */
const each = (body: string): string => elementwise('p.count', body);

export class BlockShaders {
  readonly options: ShaderOptions;
  readonly #head: string;
  readonly #made = new Map<string, Shader>();

  constructor(options: ShaderOptions) {
    this.options = options;
    this.#head = `${arithmetic(options.form)}${parametersOf(BLOCK_PARAMETERS)}`;
  }

  /** Products: with so many `outputs` of a thread in each direction. */
  convolve = (outputs: number): Shader => {
    const start =
      this.options.precision === 'f32'
        ? 'fn startOf(x: T) -> T { return x; }'
        : 'fn startOf(x: T) -> T { if (below(x, SMALLEST_DELTA)) { return fromBits(0u); } return x; }';
    const code = [start, convolution.patchValue];
    return this.#product('convolve', outputs, ['entered', 'w', 'bias', '*out'], convolution.convolveProduct, code);
  };
  weightUpdate = (kind: UpdateRule['kind'], outputs: number): Shader => {
    const product = convolution.weightUpdateProduct(kind, this.options.form);
    const buffers = ['entered', 'delta', ...momentsOf[kind]];
    return this.#product(`weights ${kind}`, outputs, buffers, product, [convolution.patchValue]);
  };
  inputGradient = (outputs: number): Shader => {
    const code = [convolution.deltaBehind];
    return this.#product('inputGradient', outputs, ['delta', 'w', '*out'], convolution.inputGradientProduct, code);
  };
  addLabels = (): Shader => this.#each('addLabels', ['shared_', 'label_', 'w', '*out'], convolution.addLabels);
  labelGradient = (): Shader => this.#each('labelGradient', ['label_', 'sums', '*gradient'], convolution.labelGradient);
  variantSums = (): Shader => this.#each('variantSums', ['delta', '*out'], convolution.variantSums);

  finish = (how: Finish, keeps: boolean): Shader => {
    const buffers = ['z', ...normBuffers(how), '*y', ...(keeps ? ['*places'] : [])];
    return this.#of(`finish ${JSON.stringify(how)} ${keeps}`, buffers, planes.finish(how, keeps));
  };
  leavingDelta = (): Shader => this.#each('leavingDelta', ['y', 'given', '*out'], planes.leavingDelta);
  multiply = (): Shader => this.#each('multiply', ['*values'], planes.multiply);
  backwards = (how: Finish): Shader => {
    const buffers = ['given', 'z', ...normBuffers(how), ...(how.pool === 'max' ? ['places'] : []), '*out'];
    return this.#of(`backwards ${JSON.stringify(how)}`, buffers, planes.backwards(how));
  };

  rowSums = (): Shader => this.#each('rowSums', ['values', '*out'], norms.rowSums);
  rowProducts = (byPosition: boolean): Shader =>
    this.#each(
      `rowProducts ${byPosition}`,
      ['values', 'z', ...(byPosition ? ['inverse'] : []), '*out'],
      norms.rowProducts(byPosition),
    );
  reduce = (): Shader => this.#each('reduce', ['values', '*out'], norms.reduce);
  chains = (): Shader => this.#each('chains', ['by', 'values', '*out'], norms.chains);
  laneSums = (): Shader => this.#of('laneSums', ['x', 'z', '*out'], norms.laneSums);
  inverses = (): Shader => this.#of('inverses', ['variance', '*inverse'], inverseOf, each(norms.inverses));
  scales = (): Shader => this.#each('scales', ['gamma', 'inverse', '*scale'], norms.scales);
  centre = (byPosition: boolean): Shader =>
    this.#each(`centre ${byPosition}`, ['mean', '*z'], norms.centre(byPosition));
  slopes = (): Shader =>
    this.#each('slopes', ['inverse', 'scale', 'sums1', 'sums2', '*a_', '*b_'], norms.slopes(this.options.form));
  normBackwards = (byPosition: boolean): Shader =>
    this.#each(
      `normBackwards ${byPosition}`,
      ['z', 'scale', 'a_', 'b_', ...(byPosition ? ['inverse'] : []), '*values'],
      norms.normBackwards(byPosition, this.options.form),
    );
  advance = (): Shader => this.#each('advance', ['found', '*running'], norms.advance(this.options.form));

  /** Rule 2 of rows of p.outputs values. */
  sumSquares = (): Shader => this.#of('sumSquares', ['y', '*sums'], sumSquares);
  update = (kind: UpdateRule['kind']): Shader =>
    this.#each(
      kind,
      ['gradient', ...momentsOf[kind]],
      `let total = gradient[index];\n${updateOf(kind, this.options.form, true)}`,
    );

  #each(key: string, buffers: readonly string[], body: string): Shader {
    return this.#of(key, buffers, each(body));
  }

  #product(
    key: string,
    outputs: number,
    buffers: readonly string[],
    product: Product,
    code: readonly string[],
  ): Shader {
    return this.#of(`${key} ${outputs}`, buffers, ...code, productShader(product, this.options.precision, outputs));
  }

  #of(key: string, buffers: readonly string[], ...code: readonly string[]): Shader {
    const shader = this.#made.get(key) ?? shaderOf(this.#head, buffers, ...code);
    this.#made.set(key, shader);
    return shader;
  }
}
