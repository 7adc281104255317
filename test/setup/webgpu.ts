/** Called by vitest once before all test files, as the other servers and programs are looked for. */
import { softwareGpu } from '../../tools/webgpu.js';

export default function setup(): void {
  softwareGpu();
}
