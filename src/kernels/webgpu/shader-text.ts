/** Parts of WGSL that the shaders of all kinds of layers share. */
import type { Shader } from './device.js';
import { ELEMENTS } from './groups.js';

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

/** @param buffers names of arrays of T; those that are written begin with `*` */
export function shaderOf(head: string, buffers: readonly string[], ...code: readonly string[]): Shader {
  const writes = buffers.map((name) => name.startsWith('*'));
  const declared = buffers.map((name, i) => {
    const access = writes[i] ? 'read_write' : 'read';
    return `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name.replace('*', '')}: array<T>;`;
  });
  return { code: [head, ...declared, ...code].join('\n'), writes };
}
