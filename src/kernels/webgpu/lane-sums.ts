/** Sums of rows by rule 2 of kernels.ts, in 16 lanes each, as a shader's entry point. */

/** Rows of a workgroup, of 16 lanes each. */
export const ROWS_OF_SUMS = 4;

/**
 * @param count rows, in WGSL
 * @param add adds the term of element `o` of `row`, of `p.outputs`, to `acc`
 * @param done keeps the row's sum, `total`
 */
export function laneSumsOf(count: string, add: string, done: string): string {
  return /* wgsl */ `
var<workgroup> lanes: array<T, ${16 * ROWS_OF_SUMS}>;

@compute @workgroup_size(16, ${ROWS_OF_SUMS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = (group.y * groups.x + group.x) * ${ROWS_OF_SUMS}u + local.y;
  let own = local.y * 16u + local.x;
  var acc = fromBits(0u);
  if (row < ${count}) {
    for (var o = local.x; o < p.outputs; o += 16u) {
      ${add}
    }
  }
  lanes[own] = acc;
  workgroupBarrier();
  for (var half = 8u; half >= 1u; half /= 2u) {
    if (local.x < half) { lanes[own] = sum(lanes[own], lanes[own + half]); }
    workgroupBarrier();
  }
  if (local.x == 0u && row < ${count}) {
    let total = lanes[own];
    ${done}
  }
}
`;
}
