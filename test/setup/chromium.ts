/** Called by vitest once before all test files, which would get into each other's way if each installed the browser. */
import { chromiumFile } from '../../tools/chromium.js';

export default function setup(): void {
  chromiumFile();
}
