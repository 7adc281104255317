/** The what-if table. */
import { describe, expect, it } from 'vitest';
import { enoughText, simulationTable } from '../../src/report/simulation-table.js';
import { equalCosts } from '../../src/simulate/costs.js';
import type { GraphShape } from '../../src/schedule/shape.js';
import { whatIf } from '../../src/simulate/what-if.js';

const shape: GraphShape = { layers: 4, head: false, splits: 100, predictedLabels: 'none', labelLag: 1 };
const costs = { ...equalCosts(shape), stateBytes: [1e6, 1e6, 1e6, 1e6] };
const table = whatIf({ shape, variant: 'all-layers', costs }, [2, 4, 8]);

describe('simulationTable', () => {
  it('lines its columns up and ends with where more nodes stop helping', () => {
    expect(simulationTable(table).split('\n')).toEqual([
      'nodes   time  bound  speed-up  efficiency    busy   moved  what limits it',
      '    1  400 s  400 s     1.00x       100 %   100 %     0 B  none: within 3 % of perfect',
      '    2  201 s  201 s     1.99x      99.5 %  99.5 %  796 MB  none: within 3 % of perfect',
      '    4  103 s  103 s     3.88x      97.1 %  97.1 %  796 MB  none: within 3 % of perfect',
      '    8  103 s  103 s     3.88x      48.5 %  48.5 %  796 MB  dependency (c-1, l): more nodes than layers (4)',
      '',
      'More than 4 nodes (3.88x) would bring less than 1 %: dependency (c-1, l): more nodes than layers (4).',
      '',
    ]);
  });

  it('says so where more nodes still help', () => {
    expect(enoughText(whatIf({ shape, variant: 'all-layers', costs }, [2, 4]))).toBe(
      'More nodes helped up to the last row: 3.88x on 4 nodes.',
    );
    expect(enoughText(whatIf({ shape, variant: 'sequential', costs }, [2]))).toMatch(
      /^More than 1 node \(1.00x\) would bring less than 1 %: sequential/,
    );
  });
});
