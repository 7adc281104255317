/** Parts of WGSL that the shaders of all kinds of layers share: parameters, buffers, and how threads find their element. */
import { arithmetic, type ArithmeticForm } from './arithmetic.js';
import type { Shader } from './device.js';
import { ELEMENTS } from './groups.js';
import { PARAMETERS } from './scalars.js';

/** A shader's numbers, as the uniform `p` of u32 values. */
export function parametersOf(names: readonly string[]): string {
  return /* wgsl */ `
struct Parameters { ${names.map((name) => `${name}: u32`).join(', ')} }
@group(0) @binding(0) var<uniform> p: Parameters;
`;
}

/** Where each thread has one element: `index` < `count`. */
export function elementwise(count: string, body: string): string {
  return /* wgsl */ `
@compute @workgroup_size(${ELEMENTS})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.y * groups.x * ${ELEMENTS}u + id.x;
  if (index >= ${count}) { return; }
  ${body}
}
`;
}

/**
 * @param buffers in the order of their bindings: names of arrays of T, or of the type after a colon; those that are written begin
 *   with `*`
 */
export function shaderOf(head: string, buffers: readonly string[], ...code: readonly string[]): Shader {
  const writes = buffers.map((name) => name.startsWith('*'));
  const declared = buffers.map((buffer, i) => {
    const [name, type = 'T'] = buffer.replace('*', '').split(': ');
    const access = writes[i] ? 'read_write' : 'read';
    return `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: array<${type}>;`;
  });
  return { code: [head, ...declared, ...code].join('\n'), writes };
}

/** The same with the arithmetic and the parameters of dense layers. */
export function denseShaderOf(form: ArithmeticForm, buffers: readonly string[], ...code: readonly string[]): Shader {
  return shaderOf(`${arithmetic(form)}${parametersOf(PARAMETERS)}`, buffers, ...code);
}

/** Makes each kind of shader of some options once: what a device keeps of a shader, it keeps by its object. */
export function memoised<Options, Made>(keyOf: (options: Options) => string, make: (options: Options) => Made) {
  const made = new Map<string, Made>();
  return (options: Options): Made => {
    const key = keyOf(options);
    const known = made.get(key) ?? make(options);
    made.set(key, known);
    return known;
  };
}
