/** A GPU that every machine has: SwiftShader, a Vulkan driver in software that comes with Debian's Chromium, and WebGPU for Node.js. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromiumFile } from './chromium.js';
import { program } from './debian-package.js';

const folder = fileURLToPath(new URL('../test/webgpu/', import.meta.url));

/**
 * The environment in which Node.js finds it; installs what is missing. @throws Error that says what that is
 */
export function softwareGpu(): { readonly PFF_WEBGPU: string; readonly VK_ICD_FILENAMES: string } {
  chromiumFile();
  const libraries = ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/libvulkan.so.1`);
  program('libvulkan1', libraries, "Vulkan's loader");
  const driver = program(
    'chromium',
    ['/usr/lib/chromium/vk_swiftshader_icd.json'],
    "SwiftShader, of Debian's Chromium",
  );
  const module = `${folder}node_modules/webgpu/index.js`;
  if (!existsSync(module)) {
    const { status, stderr } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (status !== 0)
      throw new Error(`these tests need the npm package webgpu, which could not be installed: ${stderr}`);
  }
  return { PFF_WEBGPU: module, VK_ICD_FILENAMES: driver };
}
