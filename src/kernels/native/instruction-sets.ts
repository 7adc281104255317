/** Which instruction sets the native kernels have here. */
import { loadAddon } from './addon.js';

/** The instruction sets that this build has and this CPU can run, best first; none where there is no addon. */
export function listInstructionSets(): string[] {
  const loaded = loadAddon();
  return 'addon' in loaded ? loaded.addon.instructionSets() : [];
}
