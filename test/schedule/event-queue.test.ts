/** The virtual clock runs actions by time, and in order of entry where times are equal. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { EventQueue } from '../../src/schedule/event-queue.js';

it('is a stable sort by time, also of actions entered by actions', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ time: fc.nat(9), then: fc.option(fc.nat(5)) })), (entries) => {
      const queue = new EventQueue();
      const expected: [number, number][] = [];
      const seen: [number, number][] = [];
      let entered = 0;
      const enter = (time: number, then: number | null): void => {
        const order = entered++;
        expected.push([time, order]);
        queue.at(time, () => {
          seen.push([queue.now, order]);
          if (then !== null) enter(queue.now + then, null);
        });
      };
      for (const { time, then } of entries) enter(time, then);
      while (queue.step());
      expect(seen).toEqual(expected.toSorted(([timeA, orderA], [timeB, orderB]) => timeA - timeB || orderA - orderB));
      expect(queue.step()).toBe(false);
    }),
  );
});
