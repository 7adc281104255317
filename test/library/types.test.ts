/** The library as a strict TypeScript program sees it: types, texts in the editor, and options that there are not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import {
  datasetFromArrays,
  exportModel,
  loadCsv,
  loadDataset,
  servePage,
  train,
  trainToEnd,
  type CsvOptions,
  type TrainOptions,
} from '../../src/index.js';
import { specFields } from '../../src/spec/spec.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const PROGRAM = `
import { evaluateRun, serveNode, train, type PartialSpec, type ServerOptions } from 'pipeline-forward-forward';
export const spec: PartialSpec = { objective: 'goodness', layers: [784, 100, 100], epochs: 2 };
export const server: ServerOptions = { server: 'nats://host:4222' };
export async function use(signal: AbortSignal): Promise<void> {
  for await (const event of train({ spec, nodes: 2 })) if (event.type === 'finished') console.log(event.result.modelDigest);
  await evaluateRun('run', { testSamples: 100 });
  await serveNode({ server, signal, say: console.log });
}
`;

/** Statements that editors must mark, and what they must name. */
const WRONG = [
  ['train({ nodez: 2 });', 'nodez'],
  ["train({ spec: { objectiv: 'goodness' } });", 'objectiv'],
] as const;

function compiled(text: string): ts.Program {
  const folder = mkdtempSync(path.join(ROOT, 'build', 'types-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'use.ts');
  writeFileSync(file, text);
  return ts.createProgram([file], {
    strict: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    noEmit: true,
    // A server's program: without the types of browsers, which take long to check.
    lib: ['lib.es2023.d.ts'],
    types: ['node'],
    paths: { 'pipeline-forward-forward': [path.join(ROOT, 'dist/index.d.ts')] },
  });
}

it.each(WRONG)('%s is an error of types', { timeout: 180_000 }, (statement, name) => {
  const program = compiled(`import { train } from 'pipeline-forward-forward';\n${statement}\n`);
  const source = program.getSourceFiles().find(({ fileName }) => fileName.endsWith('/use.ts'));
  const texts = program
    .getSemanticDiagnostics(source)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  expect(texts).toHaveLength(1);
  expect(texts[0]).toContain(`'${name}' does not exist in type`);
});

it('passes the strictest checks, drags in no client of a server, and shows a text for each field of a spec', () => {
  const program = compiled(PROGRAM);
  expect(
    ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
  ).toEqual([]);
  const files = program.getSourceFiles().map(({ fileName }) => fileName);
  expect(files.filter((name) => name.includes('@nats-io'))).toEqual([]);

  const source = program.getSourceFiles().find(({ fileName }) => fileName.endsWith('use.ts')) as ts.SourceFile;
  const checker = program.getTypeChecker();
  const variable = checker
    .getExportsOfModule(checker.getSymbolAtLocation(source) as ts.Symbol)
    .find(({ name }) => name === 'spec');
  const shown = checker
    .getPropertiesOfType(checker.getTypeOfSymbol(variable as ts.Symbol))
    .map((field) => [
      field.name,
      ts.displayPartsToString(field.getDocumentationComment(checker)).replaceAll(/\s+/g, ' '),
    ]);
  // As pff train --help has them.
  const texts = Object.entries(specFields).map(([name, schema]) => [
    name,
    z.toJSONSchema(schema, { unrepresentable: 'any' }).description,
  ]);
  expect(shown).toEqual(texts);
  // The compiler takes 10 s alone, and several times that on a busy machine.
}, 180_000);

it('refuses options that there are not, and names the nearest', async () => {
  const wrong = (options: object): Promise<unknown> => trainToEnd(options);
  await expect(wrong({ nodez: 2 })).rejects.toMatchObject({
    code: 'usage',
    message: 'train has no option nodez',
    hint: expect.stringMatching(/^Did you mean nodes\? Its options are spec,/) as string,
  });
  await expect(wrong({ spec: { objectiv: 'goodness' } })).rejects.toThrow(/objectiv/);
  await expect(wrong({ spec: { objective: 'godness' } })).rejects.toThrow(/objective .*godness/);
  await expect(train({ epochs: 2 } as TrainOptions).next()).rejects.toThrow('train has no option epochs');
  const given = { verfy: false, to: 'npz' } as unknown as Parameters<typeof exportModel>[1];
  await expect(exportModel('run', given)).rejects.toThrow('exportModel has no option verfy');
  await expect(loadDataset({ dataset: 'mnist', dir: 'x' } as Parameters<typeof loadDataset>[0])).rejects.toThrow('dir');
  const own = {
    name: 'own',
    shape: { width: 1, height: 1, channels: 1 },
    train: { images: Uint8Array.of(0, 1), labels: [0, 1] },
    testshare: 0.5,
  };
  expect(() => datasetFromArrays(own)).toThrow('datasetFromArrays has no option testshare');
  await expect(loadCsv('x.csv', { lable: 'class' } as CsvOptions)).rejects.toThrow('loadCsv has no option lable');
  await expect(servePage({ folder: 'x', prot: 1 } as Parameters<typeof servePage>[0])).rejects.toThrow('prot');
});
