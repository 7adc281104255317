/** The nodes and constants of an ONNX graph under construction. What they mean is up to the caller (model/onnx.ts, layers/). */
import { Message } from './protobuf.js';

/** Element types of ONNX tensors. */
export const FLOAT = 1;
export const INT64 = 7;
export const DOUBLE = 11;

type Attribute = number | readonly number[];

/** Collects the nodes and constants of a graph; values are named, and each method returns the name of what it made. */
export class OnnxGraph {
  readonly nodes: Message[] = [];
  readonly constants: Message[] = [];
  #count = 0;

  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    as?: string,
  ): string {
    const name = as ?? `${type.toLowerCase()}_${++this.#count}`;
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    node.text(2, name).text(3, name).text(4, type);
    for (const [key, value] of Object.entries(attributes)) node.messages(5, attribute(key, value));
    this.nodes.push(node);
    return name;
  }

  floats(name: string, dims: readonly number[], values: Float32Array): string {
    const bytes = new Uint8Array(4 * values.length);
    const view = new DataView(bytes.buffer);
    values.forEach((value, i) => view.setFloat32(4 * i, value, true));
    return this.#constant(name, dims, FLOAT, bytes);
  }

  doubles(dims: readonly number[], values: readonly number[]): string {
    const bytes = new Uint8Array(8 * values.length);
    const view = new DataView(bytes.buffer);
    values.forEach((value, i) => view.setFloat64(8 * i, value, true));
    return this.#constant(`double_${++this.#count}`, dims, DOUBLE, bytes);
  }

  scalar(value: number): string {
    return this.floats(`float_${++this.#count}`, [], Float32Array.of(value));
  }

  integers(values: readonly number[]): string {
    const bytes = new Uint8Array(8 * values.length);
    const view = new DataView(bytes.buffer);
    values.forEach((value, i) => view.setBigInt64(8 * i, BigInt(value), true));
    return this.#constant(`int_${++this.#count}`, [values.length], INT64, bytes);
  }

  #constant(name: string, dims: readonly number[], type: number, bytes: Uint8Array): string {
    const tensor = new Message();
    for (const dim of dims) tensor.integer(1, dim);
    this.constants.push(tensor.integer(2, type).text(8, name).bytes(9, bytes));
    return name;
  }
}

function attribute(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  for (const each of value) message.integer(8, each);
  return message.integer(20, 7);
}
