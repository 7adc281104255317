/** Half of CI's seeds: two files, so that two processes share the work. */
import { testSeeds } from './seeds.js';

testSeeds(0, 2);
