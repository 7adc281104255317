/** Which backends the tests of the kernels run on: the reference, and every instruction set this CPU and build have. */
import { kernelsChoices, listInstructionSets, type KernelsChoice } from '../../src/kernels/open.js';

export const instructionSets = kernelsChoices.filter((name) => listInstructionSets().includes(name));
export const missingSets = kernelsChoices.filter(
  (name) => !['auto', 'native', 'reference', ...instructionSets].includes(name),
);
export const backends: KernelsChoice[] = ['reference', ...instructionSets];
