/** The f32 peak of a GPU: independent chains of multiply-adds in registers, and nothing else. */
import type { GpuDevice, Shader } from '../../src/kernels/webgpu/device.js';

const CHAINS = 8;
const TURNS = 256;
const THREADS = 256;

const shader: Shader = {
  writes: [true],
  code: /* wgsl */ `
@group(0) @binding(0) var<uniform> factors: vec4f;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${Array.from({ length: CHAINS }, (_, i) => `var x${i} = vec4f(f32(id.x + ${i}u));`).join('\n  ')}
  for (var turn = 0u; turn < ${TURNS}u; turn++) {
    ${Array.from({ length: CHAINS }, (_, i) => `x${i} = fma(x${i}, factors, factors);`).join('\n    ')}
  }
  let sum = ${Array.from({ length: CHAINS }, (_, i) => `x${i}`).join(' + ')};
  out[id.x] = sum.x + sum.y + sum.z + sum.w;
}`,
};

/** Operations a second, the best of some trials; a multiply-add is two. */
export async function measuredPeak(device: GpuDevice): Promise<number> {
  const groups = device.software ? 4 : 8192;
  const out = await device.buffer('the peak', groups * THREADS);
  const factors = device.uniform(4);
  device.write(factors, Float32Array.of(0.5, 0.25, 0.125, 0.75));
  const pipeline = await device.pipeline(shader);
  const work = { pipeline, bindings: device.bind(pipeline, factors, [out]), groups: [groups, 1] as const };
  const flop = 2 * 4 * CHAINS * TURNS * THREADS * groups;
  let best = 0;
  for (let trial = 0; trial < 6; trial++) {
    await device.done();
    const start = performance.now();
    device.run([work, work, work, work]);
    await device.done();
    best = Math.max(best, (4 * flop) / ((performance.now() - start) / 1000));
  }
  out.destroy();
  factors.destroy();
  return best;
}
