import { readFileSync } from 'node:fs';

// The rooms of src/ and what each may import: only the rooms before it in this list (docs/ARCHITECTURE.md).
const rooms = [
  'platform',
  'formats',
  'kernels',
  'data',
  'layers',
  'objectives',
  'spec',
  'model',
  'schedule',
  'simulate',
  'audit',
  'store',
  'node',
  'run',
  'doctor',
  'report',
  'plugin-check',
  'reproduce',
  'page',
];
// The portable core is all of src/ but what this leaves out: it also runs in a browser. The compiler holds it to that, too.
const portable = JSON.parse(readFileSync(new URL('tsconfig.portable.json', import.meta.url), 'utf8'));
const nodeOnly = portable.exclude.map((path) => `^${path.replaceAll('.', '\\.')}(/|$)`);
// Files that belong to no room: every room may import them.
const rootFiles = [
  'errors',
  'error-codec',
  'suggest',
  'random',
  'math',
  'math-constants',
  'named-parts',
  'command-line',
  'known-options',
  'package-folder',
];
const root = `(${rootFiles.join('|')})\\.ts$`;

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'root-files-import-no-room',
      severity: 'error',
      from: { path: `^src/${root}` },
      to: { path: '^src/[^/]+/' },
    },
    ...rooms.map((room, i) => ({
      name: `room-${room}`,
      comment: `${room}/ may import ${rootFiles.join(', ')} and: ${rooms.slice(0, i).join(', ') || 'no room'}`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: '^src/', pathNot: `^src/(${root}|(${rooms.slice(0, i + 1).join('|')})/)` },
    })),
    {
      name: 'nobody-imports-cli',
      comment: 'cli/ is the last room: it imports any room, and no room imports it',
      severity: 'error',
      from: { path: '^(src|web|bench|tools)/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'the-public-api-is-for-others',
      comment: 'index.ts is for programs that use the library; the program itself imports its own rooms',
      severity: 'error',
      from: { path: '^(src|web|bench|tools)/' },
      to: { path: '^src/index\\.ts$' },
    },
    {
      name: 'the-list-of-commands-is-light',
      comment: 'so it is printed before anything else is loaded; each command is loaded when it is asked for',
      severity: 'error',
      from: { path: '^src/cli/([^/]+|terminal/(help|interrupt|output))\\.ts$' },
      to: {
        path: '^src/',
        pathNot: ['^src/cli/', '^src/(errors|suggest|command-line|package-folder|run/version|report/wrap)\\.ts$'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'page-in-the-browser',
      comment: 'web/ shows views that src/page/ defines, with names and units of report/; all else stays on the server',
      severity: 'error',
      from: { path: '^web/', pathNot: '^web/(node|demo)/' },
      to: {
        path: '^src/',
        pathNot:
          '^src/(command-line|page/(page-event|run-view|runs/run-summary)|report/(units|ledger|gantt-boxes)|schedule/timeline|data/dataset|model/analysis/analysis|model/confusion)\\.ts$',
      },
    },
    {
      name: 'node-page-is-portable',
      comment: 'web/node/ is a node in a browser: it takes the portable core, and what its server says of the run',
      severity: 'error',
      from: { path: '^web/node/' },
      to: {
        path: nodeOnly,
        pathNot: '^src/(page/share/shared-run|report/(units|gantt-boxes))\\.ts$',
        dependencyTypesNot: ['aliased-subpath-import'],
      },
    },
    {
      name: 'demo-uses-the-library',
      comment: 'web/demo/ is a program that uses the library in a browser, as anybody could',
      severity: 'error',
      from: { path: '^web/demo/' },
      to: { path: '^src/', pathNot: '^src/(in-browser/index|report/units)\\.ts$' },
    },
    { name: 'nobody-imports-web', severity: 'error', from: { path: '^src/' }, to: { path: '^web/' } },
    {
      name: 'nothing-needs-bench-or-tests',
      comment: 'what test/ and bench/ share lies in tools/',
      severity: 'error',
      from: { path: '^(src|web|bench|tools)/' },
      to: { path: '^(test|bench)/', pathNot: '^$1/' },
    },
    { name: 'the-program-needs-no-tools', severity: 'error', from: { path: '^(src|web)/' }, to: { path: '^tools/' } },
    {
      name: 'bench-parts-point-one-way',
      comment:
        'statistics below, then machine and kernels, compare, report and options; main on top. peers/ are programs.',
      severity: 'error',
      from: { path: '^bench/(statistics\\.ts$|machine/|kernels/|compare/)' },
      to: { path: '^bench/(main|options|report)\\.ts$' },
    },
    {
      name: 'portable-core-needs-no-node',
      comment:
        'what differs between Node.js and a browser comes from #platform/… (docs/ARCHITECTURE.md, The portable core)',
      severity: 'error',
      from: { path: '^src/', pathNot: nodeOnly },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'portable-core-imports-only-itself',
      severity: 'error',
      from: { path: '^src/', pathNot: nodeOnly },
      to: { path: nodeOnly, dependencyTypesNot: ['aliased-subpath-import'] },
    },
    {
      name: 'platform-is-chosen-by-condition',
      comment: 'import #platform/x, which is node/x.ts in Node.js and browser/x.ts in a browser',
      severity: 'error',
      from: { path: '^(src|web|bench)/', pathNot: '^src/platform/' },
      to: { path: '^src/platform/(node|browser)/', dependencyTypesNot: ['aliased-subpath-import'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['pff-source', 'import', 'types', 'default'],
    },
    // bench/cluster.mjs runs on the built program, whose sources are looked at already.
    doNotFollow: { path: ['node_modules', '^dist/'] },
    // Peers of the bench have packages of their own, which need not be installed.
    exclude: { path: '^bench/peers/' },
  },
};
