/** The virtual clock runs actions by time, and in order of entry where times are equal. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { VirtualClock } from '../../src/simulate/virtual-clock.js';

it('is a stable sort by time, also of actions entered by actions', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ time: fc.nat(9), later: fc.option(fc.nat(5)) })), (entries) => {
      const queue = new VirtualClock();
      const expected: [number, number][] = [];
      const seen: [number, number][] = [];
      let entered = 0;
      const enter = (time: number, later: number | null): void => {
        const order = entered++;
        expected.push([time, order]);
        queue.at(time, () => {
          seen.push([queue.now, order]);
          if (later !== null) enter(queue.now + later, null);
        });
      };
      for (const { time, later } of entries) enter(time, later);
      while (queue.next !== undefined) {
        const due = queue.next;
        expect(queue.step()).toBe(true);
        expect(queue.now).toBe(due);
      }
      expect(seen).toEqual(expected.toSorted(([timeA, orderA], [timeB, orderB]) => timeA - timeB || orderA - orderB));
      expect(queue.step()).toBe(false);
    }),
  );
});
