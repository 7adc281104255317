/**
 * Programs of operations on doubles, for devices that have none: written once, run by the interpreter in doubles.ts with the bits of JavaScript,
 * and by `evaluate` here. As data, and not as shader code, because each operation is long code that must stand in a shader only once.
 */

/** The operations by their codes. `divideBySmall` divides by a whole number up to 64; `mantissa` (1 … 2) and `exponent` are of a normal x > 0. */
export const OPERATIONS = [
  'add',
  'subtract',
  'multiply',
  'divide',
  'divideBySmall',
  'floor',
  'powerOfTwo',
  'exponent',
  'mantissa',
  'negative',
  'absolute',
  'less',
  'select',
  'toF32',
] as const;
type Operation = (typeof OPERATIONS)[number];

/** Operands from here on are constants. */
export const FIRST_CONSTANT = 256;
/** Registers of the interpreter. */
export const REGISTERS = 32;

/** A value of a program: an input, or the result of an instruction. Constants are numbers. */
export interface Value {
  readonly register: number;
}

interface Instruction {
  readonly operation: Operation;
  readonly to: number;
  readonly a: number;
  readonly b: number;
}

const scratch = new DataView(new ArrayBuffer(8));

/** The two words of a double, low and high. */
export function wordsOf(x: number): readonly [low: number, high: number] {
  scratch.setFloat64(0, x);
  return [scratch.getUint32(4), scratch.getUint32(0)];
}

export function fromWords(low: number, high: number): number {
  scratch.setUint32(4, low);
  scratch.setUint32(0, high);
  return scratch.getFloat64(0);
}

export class DoubleProgram {
  readonly #instructions: Instruction[] = [];
  readonly #constants: number[] = [];
  #registers: number;

  /** @param inputs in the first registers */
  constructor(inputs: number) {
    this.#registers = inputs;
  }

  /** Instructions so far: where a section ends. */
  get length(): number {
    return this.#instructions.length;
  }

  input(index: number): Value {
    return { register: index };
  }

  /** An instruction; its result goes to a register of its own, or `to` one that is there. */
  do(operation: Operation, a: Value | number, b: Value | number = 0, to: Value = this.variable()): Value {
    const small = operation === 'divideBySmall' && typeof b === 'number';
    this.#instructions.push({ operation, to: to.register, a: this.#operand(a), b: small ? b : this.#operand(b) });
    return to;
  }

  /** A register. */
  variable(): Value {
    if (this.#registers === REGISTERS) throw new RangeError(`a program has at most ${REGISTERS} registers`);
    return { register: this.#registers++ };
  }

  /** a < b ? then : otherwise */
  choose(a: Value | number, b: Value | number, then: Value | number, otherwise: Value | number, to?: Value): Value {
    // `less` sets a flag and writes nothing, so `to` may be one of the values.
    this.do('less', a, b, (to ??= this.variable()));
    return this.do('select', then, otherwise, to);
  }

  #operand(value: Value | number): number {
    if (typeof value !== 'number') return value.register;
    const known = this.#constants.findIndex((each) => Object.is(each, value));
    return FIRST_CONSTANT + (known >= 0 ? known : this.#constants.push(value) - 1);
  }

  /** Instructions, then constants, as the interpreter reads them. */
  encode(): Uint32Array {
    const words = this.#instructions.map(
      ({ operation, to, a, b }) => ((OPERATIONS.indexOf(operation) << 26) | (to << 18) | (a << 9) | b) >>> 0,
    );
    return Uint32Array.from([...words, ...this.#constants.flatMap(wordsOf)]);
  }

  /** Runs instructions `first` … `end` - 1 on `registers` in JavaScript's own doubles: what the interpreter must give. */
  evaluate(registers: Float64Array, first = 0, end = this.length): void {
    let less = false;
    const valueOf = (operand: number) =>
      operand < FIRST_CONSTANT ? (registers[operand] ?? 0) : (this.#constants[operand - FIRST_CONSTANT] ?? 0);
    for (const { operation, to, a: aFrom, b: bFrom } of this.#instructions.slice(first, end)) {
      const [a, b] = [valueOf(aFrom), operation === 'divideBySmall' ? bFrom : valueOf(bFrom)];
      if (operation === 'less') less = a < b;
      else registers[to] = operation === 'select' ? (less ? a : b) : apply(operation, a, b);
    }
  }
}

function apply(operation: Exclude<Operation, 'less' | 'select'>, a: number, b: number): number {
  switch (operation) {
    case 'add':
      return a + b;
    case 'subtract':
      return a - b;
    case 'multiply':
      return a * b;
    case 'divide':
    case 'divideBySmall':
      return a / b;
    case 'floor':
      return Math.floor(a);
    case 'powerOfTwo':
      return fromWords(0, (a + 1023) << 20);
    case 'exponent':
      return (wordsOf(a)[1] >>> 20) - 1023;
    case 'mantissa': {
      const [low, high] = wordsOf(a);
      return fromWords(low, (high & 0xfffff) | (1023 << 20));
    }
    case 'negative':
      return -a;
    case 'absolute':
      return Math.abs(a);
    case 'toF32':
      return Math.fround(a);
  }
}
