/** One layer's forward pass as an ONNX model: `x` [R, I] to `y` [R, O] = relu(x · W + b), for onnxruntime. */
import type { DenseTensors } from '../../src/kernels/kernels.js';
import { Message } from '../../src/formats/protobuf.js';

const FLOAT = 1;

export function encodeForwardOnnx(
  { inputs, outputs, weights, bias }: DenseTensors,
  rows: number,
): Uint8Array<ArrayBuffer> {
  const graph = new Message()
    .messages(1, node('Gemm', ['x', 'w', 'b'], 'sum'), node('Relu', ['sum'], 'y'))
    .text(2, 'forward')
    .messages(5, constant('w', [inputs, outputs], weights), constant('b', [outputs], bias))
    .messages(11, value('x', [rows, inputs]))
    .messages(12, value('y', [rows, outputs]));
  const opset = new Message().text(1, '').integer(2, 17);
  return new Message().integer(1, 8).messages(7, graph).messages(8, opset).encode();
}

function node(type: string, inputs: readonly string[], output: string): Message {
  const message = new Message();
  for (const input of inputs) message.text(1, input);
  return message.text(2, output).text(4, type);
}

function constant(name: string, dims: readonly number[], values: Float32Array): Message {
  const message = new Message();
  for (const dim of dims) message.integer(1, dim);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return message.integer(2, FLOAT).text(8, name).bytes(9, bytes);
}

function value(name: string, dims: readonly number[]): Message {
  const shape = new Message();
  for (const dim of dims) shape.messages(1, new Message().integer(1, dim));
  const tensor = new Message().integer(1, FLOAT).messages(2, shape);
  return new Message().text(1, name).messages(2, new Message().messages(1, tensor));
}
