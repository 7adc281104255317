/** Which backends the tests of the kernels run on: the reference, and every instruction set this CPU and build have. */
import { INSTRUCTION_SETS } from '../../src/kernels/instruction-sets.js';
import { listInstructionSets, type KernelsChoice } from '../../src/kernels/open.js';

const here = listInstructionSets();
export const instructionSets = INSTRUCTION_SETS.filter((name) => here.includes(name));
export const missingSets = INSTRUCTION_SETS.filter((name) => !here.includes(name));
export const backends: KernelsChoice[] = ['reference', ...instructionSets];
