/** How many workgroups a shader is started with. */
import type { Dispatch } from './device.js';

/** Threads of a workgroup where each element is for itself. */
export const ELEMENTS = 64;
/** Most workgroups in one direction. */
export const MOST_GROUPS = 65535;

/** Workgroups in two directions, as there may be more than one direction holds. */
export function spread(groups: number): Dispatch['groups'] {
  const x = Math.min(groups, MOST_GROUPS);
  return [x, x === 0 ? 0 : Math.ceil(groups / x)];
}

export function elements(count: number): Dispatch['groups'] {
  return spread(Math.ceil(count / ELEMENTS));
}
