/** The parts that a source itself divides its samples into; one that is missing is taken from the training samples. */

export interface Parts<T> {
  readonly train: T;
  readonly validation?: T | undefined;
  readonly test?: T | undefined;
}

export function eachPart<T, U>({ train, validation, test }: Parts<T>, of: (part: T) => U): Parts<U> {
  return { train: of(train), validation: validation && of(validation), test: test && of(test) };
}
