/** The public API is exactly these names; each is documented where it is declared, and shown in docs/LIBRARY.md, whose code compiles. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(`${root}docs/LIBRARY.md`, 'utf8');
const blocks = [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) =>
  (code ?? '').replaceAll("'pipeline-forward-forward'", "'../src/index.js'"),
);

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(`${root}tsconfig.json`, (file) => ts.sys.readFile(file)).config,
  ts.sys,
  root,
);
const virtual = new Map(blocks.map((code, i) => [`${root}docs/library-${i}.ts`, code]));
const host = ts.createCompilerHost(options);
const fileExists = host.fileExists.bind(host);
const readFile = host.readFile.bind(host);
host.fileExists = (file) => virtual.has(file) || fileExists(file);
host.readFile = (file) => virtual.get(file) ?? readFile(file);
const program = ts.createProgram(
  [`${root}src/index.ts`, ...virtual.keys()],
  { ...options, rootDir: root, noEmit: true, incremental: false, skipLibCheck: true },
  host,
);
const checker = program.getTypeChecker();
const entry = program.getSourceFile(`${root}src/index.ts`) as ts.SourceFile;
const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(entry) as ts.Symbol);
const names = exported.map(({ name }) => name).toSorted();

it('has these names, and no others', () => {
  expect(names.length).toBe(105);
  expect(names).toMatchSnapshot();
});

it.each(names)('%s is documented and shown', (name) => {
  const symbol = exported.find((each) => each.name === name) as ts.Symbol;
  const declared = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const comment = [declared, symbol].some(
    (each) =>
      each.getDocumentationComment(checker).length > 0 ||
      each.getJsDocTags(checker).length > 0 ||
      (each.declarations ?? []).some((node) => /^\s*\/\*\*/.test(node.getFullText())),
  );
  expect(comment, `${name} has no comment where it is declared`).toBe(true);
  expect(page, `docs/LIBRARY.md does not show ${name}`).toMatch(new RegExp(`\\b${name}\\b`));
});

it('the code of docs/LIBRARY.md compiles', () => {
  const problems = [...virtual.keys()].flatMap((file) =>
    program
      .getSemanticDiagnostics(program.getSourceFile(file))
      .map(({ messageText }) => `${file.slice(root.length)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`),
  );
  expect(blocks.length).toBeGreaterThan(5);
  expect(problems).toEqual([]);
});
