/** Builds the page (web/) into one script and one style, which the program serves and puts into reports. */
import { defaultClientConditions, defineConfig } from 'vite';

export default defineConfig({
  resolve: { conditions: ['pff-source', ...defaultClientConditions] },
  build: {
    outDir: 'dist/page/assets',
    emptyOutDir: true,
    target: 'es2023',
    minify: true,
    copyPublicDir: false,
    lib: { entry: 'web/main.ts', formats: ['es'], fileName: () => 'page.js', cssFileName: 'page' },
    rolldownOptions: {
      treeshake: {
        // Modules of src/ only define things: those of which nothing is used stay out, with all that they import.
        moduleSideEffects: (id) => !id.includes('/src/'),
      },
    },
  },
  logLevel: 'warn',
});
