/** A GPU that was there and is of no use any more: lost, without memory, or without an answer. What it was doing can be done elsewhere. */
import { registerErrorClass } from '../error-codec.js';
import { PffError } from '../errors.js';

/** Tasks are pure: whoever catches it does the task again on another backend. */
export class GpuFailure extends PffError {
  constructor(message: string, { hint = 'Use --kernels auto: the CPU gives the same results.' } = {}) {
    super('kernels', message, { hint });
    this.name = 'GpuFailure';
  }
}

registerErrorClass('GpuFailure', (message, options) => new GpuFailure(message, options));

/** It has no memory left for what was asked: less may still fit. */
export class GpuIsFull extends GpuFailure {
  constructor(message: string, options: { readonly hint?: string } = {}) {
    super(message, options);
    this.name = 'GpuIsFull';
  }
}

registerErrorClass('GpuIsFull', (message, options) => new GpuIsFull(message, options));
