/** The functions that the WebAssembly module exports (native/wasm/exports.cc). Arrays are addresses, 0 for none. */
import type { Allocator } from './heap.js';

export type Numbers<N extends number, T extends number[] = []> = T['length'] extends N ? T : Numbers<N, [...T, number]>;
type Function<N extends number, R = void> = (...args: Numbers<N>) => R;

export interface Exports extends Allocator {
  multiplyAdd: Function<3, number>;
  peak: Function<1, number>;
  openBackend: Function<1, number>;
  closeBackend: Function<1>;
  openDense: Function<13, number>;
  closeDense: Function<1>;
  infer: Function<8>;
  forward: Function<7>;
  inputGradient: Function<5>;
  update: Function<9>;
  updateSgd: Function<7>;
  read: Function<9>;
  openConvolution: Function<5, number>;
  closeConvolution: Function<1>;
  convolve: Function<6>;
  convolutionInputGradient: Function<4>;
  updateConvolution: Function<12>;
  updateConvolutionSgd: Function<10>;
  readConvolution: Function<2>;
  planeSums: Function<6>;
  finishPlanes: Function<11>;
  backwardsPlanes: Function<16>;
  normBackwards: Function<11>;
  positionSums: Function<6>;
  positionBackwards: Function<10>;
  finishRows: Function<5>;
  stageBytes: Function<7>;
  dropout: Function<9>;
  turnRows: Function<5>;
  averagePlanes: Function<7>;
  spreadAverages: Function<7>;
  doubleProducts: Function<7>;
}
