/** Our own contender: the same work through the code that `pff train` runs. */
import type { DenseKernel, Kernels, LayerInput } from '../../src/kernels/kernels.js';
import { trainToEnd } from '../../src/run/train.js';
import { fillOneHot } from '../../src/data/labels.js';
import { adamRule } from '../../src/model/adam.js';
import { layerObjective } from '../../src/model/objectives/registry.js';
import type { LayerState } from '../../src/model/layer-state.js';
import { goodnessScores, openForInference, sumScores } from '../../src/model/prediction.js';
import { openForTraining, readState } from '../../src/node/training.js';
import { train } from '../../src/run/train.js';
import type { RunResult } from '../../src/run/events.js';
import { WORK_NAMES, type Computed, type Contender, type Work } from './contender.js';
import { PREDICTED, pixelOrder, ROWS, type Workload } from './workload.js';
