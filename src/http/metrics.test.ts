/** What Prometheus reads: names, types and units by its conventions, and numbers of what happened. */
import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/contracts/manual-clock.ts';
import { createTestStore, openTestRelearn } from '../../test/loop-store.ts';
import { encodeJpeg } from '../data/decode-image.ts';
import { createMetrics } from './metrics.ts';

/** Name → type, of every family. */
const familiesOf = (text: string) =>
  Object.fromEntries(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]),
  );

describe('the metrics', () => {
  it('keep to the conventions: counters end in _total, times are seconds', async () => {
    const { registry, watchPending } = createMetrics();
    watchPending(createManualClock(), async () => ({}));
    const text = await registry.metrics();
    const families = familiesOf(text);
    expect(families).toEqual({
      relearn_http_request_seconds: 'histogram',
      relearn_problems_total: 'counter',
      relearn_predictions_total: 'counter',
      relearn_prediction_errors_total: 'counter',
      relearn_predict_seconds: 'histogram',
      relearn_predict_phase_seconds: 'histogram',
      relearn_predict_batch_pictures: 'histogram',
      relearn_served_version: 'gauge',
      relearn_model_loads_total: 'counter',
      relearn_model_load_seconds: 'histogram',
      relearn_feedback_total: 'counter',
      relearn_feedback_pending: 'gauge',
      relearn_training_considerations_total: 'counter',
      relearn_training_seconds: 'histogram',
    });
    for (const [name, type] of Object.entries(families)) {
      expect(text).toMatch(new RegExp(`^# HELP ${name} [A-Z].+\\.$`, 'm'));
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(name).not.toMatch(/_(ms|millis|milliseconds|minutes|kb|mb)$/);
    }
  });

  it('tell of models and of the parts of a prediction what the loop tells', async () => {
    const { registry, observer } = createMetrics();
    const place = await createTestStore();
    const relearn = await openTestRelearn(place, { observer });
    await relearn.train();
    const data = new Uint8Array(8 * 8 * 3);
    await relearn.predict(await encodeJpeg({ width: 8, height: 8, channels: 3, data }));
    await relearn.close();
    const text = await registry.metrics();
    for (const line of [
      'relearn_served_version 1',
      'relearn_model_loads_total{outcome="loaded"} 1',
      'relearn_model_load_seconds_count 1',
      'relearn_predict_phase_seconds_count{phase="preprocess"} 1',
      'relearn_predict_phase_seconds_count{phase="infer"} 1',
    ])
      expect(text).toContain(line);
  });

  it('count a model that could not be loaded', async () => {
    const { registry, observer } = createMetrics();
    const place = await createTestStore();
    const openClassifier = () => Promise.reject(new Error('broken'));
    const relearn = await openTestRelearn(place, { observer, openClassifier });
    await relearn.train();
    expect((await relearn.readiness()).ready).toBe(false);
    await relearn.close();
    expect(await registry.metrics()).toContain('relearn_model_loads_total{outcome="failed"} 1');
  });

  it('count waiting feedback once a minute, and do without it where the store is away', async () => {
    const { registry, watchPending } = createMetrics();
    const clock = createManualClock();
    let looks = 0;
    watchPending(clock, async () => {
      looks += 1;
      if (looks === 2) throw new Error('away');
      return { cat: looks, dog: 0 };
    });
    const line = async () =>
      /^relearn_feedback_pending\{label="cat"\} .*$/m.exec(await registry.metrics())?.[0];
    expect(await line()).toBe('relearn_feedback_pending{label="cat"} 1');
    expect(await line()).toBe('relearn_feedback_pending{label="cat"} 1');
    await clock.advance(60_000);
    expect(await line()).toBe('relearn_feedback_pending{label="cat"} 1');
    await clock.advance(60_000);
    expect(await line()).toBe('relearn_feedback_pending{label="cat"} 3');
  });

  it('does not wait for a store that hangs', async () => {
    const { registry, watchPending } = createMetrics();
    const clock = createManualClock();
    watchPending(clock, () => new Promise(() => {}));
    const text = registry.metrics();
    await clock.advance(2_000);
    expect(await text).toContain('relearn_feedback_pending');
  });
});
