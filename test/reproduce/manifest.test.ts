/** The recipes themselves, and what is said of broken ones. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  isTrained,
  readRecipes,
  RECIPES_FOLDER,
  selectTables,
  specOfLine,
  type Line,
} from '../../src/reproduce/manifest.js';
import type { RunSpec } from '../../src/spec/spec.js';
import { toyManifest, toyRecipes } from './recipes.js';

describe('the recipes in runs/', () => {
  const recipes = readRecipes();
  const rows = recipes.manifest.tables.flatMap((table) => table.rows.filter(isTrained).map((row) => ({ table, row })));

  it('have the paper’s tables, each with backpropagation of the same layers and length beside it', () => {
    const tables = selectTables(recipes.manifest, { tables: ['all'], rows: [] });
    expect(tables.map(({ name }) => name)).toEqual(['table1', 'table2', 'table3', 'table4', 'table5']);
    for (const { rows: own } of tables) {
      const specs = own.filter(isTrained).map((row) => recipes.specs.get(row.id));
      for (const objective of ['backprop', 'backprop-heads'] as const) {
        const baseline = specs.find((spec) => spec?.objective === objective);
        for (const spec of specs) expect(baseline?.layers).toEqual(spec?.layers);
        // DFF has epochs of its own: its batch is all of the data.
        for (const spec of specs) if (spec?.epochs !== 1000) expect(baseline?.epochs).toBe(spec?.epochs);
      }
    }
  });

  it.each(rows.filter(({ table }) => table.extra === undefined))('$row.id is a spec of the paper’s size', ({ row }) => {
    const spec = recipes.specs.get(row.id);
    expect(spec?.layers?.slice(1)).toEqual([2000, 2000, 2000, 2000]);
    expect(spec?.splits).toBe(spec?.epochs);
    expect(Number(spec?.epochs) % 100).toBe(0);
    for (const line of row.lines) expect(specOfLine(spec ?? {}, line).seed).toBe(1);
  });

  it('our own recipes have baselines of the same layers, length and augmentation, and run on two nodes or more', () => {
    const [best] = selectTables(recipes.manifest, { tables: ['best'], rows: [] });
    // A changed recipe of the paper's tables has its baselines there.
    const specs = (best?.rows ?? [])
      .filter(isTrained)
      .filter((row) => row.preset !== undefined)
      .map((row) => ({ row, spec: specOfLine(recipes.specs.get(row.id) ?? {}, row.lines[0] as Line) }));
    const same = ({ dataset, layers, epochs, splits, batch, shift, flip, cutout, dropout }: RunSpec): object => ({
      dataset,
      layers,
      epochs,
      splits,
      batch,
      shift,
      flip,
      cutout,
      dropout,
    });
    const recipesOf = new Set(specs.map(({ row }) => row.preset));
    expect(recipesOf).toEqual(new Set(['best-mnist', 'best-fashion-mnist', 'best-cifar10', 'mlp-cifar10']));
    for (const preset of recipesOf) {
      const own = specs.filter(({ row }) => row.preset === preset);
      expect(own.map(({ spec }) => spec.objective).slice(1)).toEqual(['backprop', 'backprop-heads']);
      expect(own[0]?.row.lines[0]).toMatchObject({ schedule: 'all-layers', nodes: 2 });
      for (const { spec } of own.slice(1)) expect(same(spec)).toEqual(same((own[0] as (typeof own)[number]).spec));
    }
  });

  it('are all used by some row', () => {
    const used = new Set(rows.flatMap(({ row }) => row.spec ?? []));
    const files = readdirSync(RECIPES_FOLDER).filter((file) => !['manifest.json', 'full-length.json'].includes(file));
    expect(files.filter((file) => !used.has(file))).toEqual([]);
  });
});

describe('broken recipes', () => {
  const [table] = toyManifest.tables;
  const withRow = (row: object): unknown => ({ ...toyManifest, tables: [{ ...table, rows: [row] }] });
  const lines = [{ schedule: 'sequential', nodes: 1 }];
  it.each([
    ['a file that is missing', { id: 'a', label: 'A', spec: 'nowhere.json', lines }, /nowhere\.json: ENOENT/],
    ['neither spec nor preset', { id: 'a', label: 'A', lines }, /row a must have a spec or a preset/],
    ['an unknown preset', { id: 'a', label: 'A', preset: 'worst', lines }, /preset worst, which there is none of/],
    ['no lines', { id: 'a', label: 'A', spec: 'heads.json', lines: [] }, /tables\.0\.rows\.0/],
    [
      'a schedule of its own',
      { id: 'a', label: 'A', spec: 'heads.json', lines: [{ schedule: 'both', nodes: 1 }] },
      /rows\.0/,
    ],
  ])('%s', (_, row, message) => {
    const { recipes } = toyRecipes(withRow(row));
    expect(() => readRecipes(recipes)).toThrow(message);
  });

  it('a spec that is none', () => {
    const { recipes } = toyRecipes(
      withRow({ id: 'a', label: 'A', spec: 'heads.json', change: { classifier: 'goodness' }, lines }),
    );
    expect(() => readRecipes(recipes)).toThrow(/classifier goodness does not fit/);
  });
});
