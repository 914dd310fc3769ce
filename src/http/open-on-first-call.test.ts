/** A store that is opened late: once, by whoever asks first, and again where that failed. */
import { describe, expect, it } from 'vitest';
import { createInMemoryRelearn } from '../../test/in-memory-relearn.ts';
import { systemClock } from '../base/clock.ts';
import { RelearnError } from '../base/errors.ts';
import { openOnFirstCall } from './open-on-first-call.ts';

const setUp = (failures = 0) => {
  let opened = 0;
  let closed = 0;
  const relearn = openOnFirstCall('oss://bucket', async () => {
    opened += 1;
    if (opened <= failures) throw new RelearnError('unavailable', 'storage_unavailable', 'away');
    return { ...createInMemoryRelearn({ clock: systemClock }), close: async () => void closed++ };
  });
  return { relearn, counts: () => ({ opened, closed }) };
};

describe('a store that is opened by the first call', () => {
  it('is not opened before, and only once', async () => {
    const { relearn, counts } = setUp();
    expect(relearn.location).toBe('oss://bucket');
    expect(() => relearn.settings).toThrow('not open yet');
    await relearn.close();
    expect(counts()).toEqual({ opened: 0, closed: 0 });
    await Promise.all([relearn.status(), relearn.models.list(), relearn.readiness()]);
    expect(relearn.settings.labels).toEqual(['cat', 'dog']);
    await relearn.close();
    expect(counts()).toEqual({ opened: 1, closed: 1 });
  });

  it('is tried again by the next call where it failed', async () => {
    const { relearn, counts } = setUp(1);
    await expect(relearn.status()).rejects.toThrow('away');
    expect((await relearn.status()).champion).not.toBeUndefined();
    expect(counts().opened).toBe(2);
  });
});
