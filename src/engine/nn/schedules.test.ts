import { describe, expect, it } from 'vitest';
import { oneCycle } from './schedules.ts';

describe('one cycle', () => {
  const schedule = oneCycle(0.2);

  it('rises in a straight line to the peak, then falls along half a cosine to nothing', () => {
    expect(schedule(0.1)).toBeCloseTo(0.5);
    expect(schedule(0.2)).toBeCloseTo(1);
    expect(schedule(0.6)).toBeCloseTo(0.5);
    expect(schedule(1)).toBeCloseTo(0);
  });

  it('moves the weights from the first step on', () => {
    expect(schedule(0)).toBeGreaterThan(0);
  });
});
