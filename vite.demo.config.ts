/** Builds the demo (web/demo/): static files for any web server, with the library's worker and the WebAssembly kernels. */
import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('web/demo', import.meta.url)),
  base: './',
  resolve: { conditions: ['pff-source', ...defaultClientConditions] },
  worker: {
    format: 'es',
    rolldownOptions: {
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: 'background-[name].js',
        assetFileNames: '[name][extname]',
      },
    },
  },
  build: {
    outDir: fileURLToPath(new URL('dist/demo', import.meta.url)),
    emptyOutDir: true,
    target: 'es2023',
    minify: true,
    modulePreload: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: '[name].js',
        assetFileNames: '[name][extname]',
      },
    },
  },
  logLevel: 'warn',
});
