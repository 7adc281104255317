/** The browser that tests and benches of the page need. */
import { program } from './debian-package.js';

/** A browser that runs as root without a screen, and asks nobody for anything by itself. */
export const CHROMIUM_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Lets pages use WebGPU on SwiftShader, which is software. */
export const SOFTWARE_GPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

export function chromiumFile(): string {
  const places = [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/opt/homebrew/bin/chromium',
  ];
  return program('chromium', places, 'Chromium');
}
