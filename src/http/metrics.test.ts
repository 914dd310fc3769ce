/** What Prometheus reads: names, types and units by its conventions, and numbers of what happened. */

import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/contracts/manual-clock.ts';
import { greyJpeg } from '../../test/grey-jpeg.ts';
import { createInMemoryRelearn } from '../../test/in-memory-relearn.ts';
import { createTestStore, openTestRelearn } from '../../test/loop-store.ts';
import { darkJpeg, dataUrlOf } from '../../test/pictures.ts';
import { systemClock } from '../base/clock.ts';
import { functionNames } from './app-context.ts';
import { buildApp } from './build-app.ts';
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
      relearn_prediction_score_ratio: 'histogram',
      relearn_storage_seconds: 'histogram',
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
    await relearn.predict(await greyJpeg(0));
    await relearn.close();
    const text = await registry.metrics();
    for (const line of [
      'relearn_served_version 1',
      'relearn_model_loads_total{outcome="loaded"} 1',
      'relearn_model_load_seconds_count 1',
      'relearn_predict_phase_seconds_count{phase="preprocess"} 1',
      'relearn_predict_phase_seconds_count{phase="infer"} 1',
      'relearn_storage_seconds_count{operation="get",outcome="done"}',
      'relearn_storage_seconds_count{operation="putIfAbsent",outcome="done"}',
      'relearn_storage_seconds_count{operation="list",outcome="done"}',
    ])
      expect(text).toContain(line);
    expect(text).not.toContain('outcome="failed"');
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

/** One line of the text format: name, labels, value. */
const samplesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] =
        /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const pairs = [...labels.matchAll(/([a-z_][a-z0-9_]*)="((?:[^"\\]|\\.)*)"/g)];
      return { name, labels: pairs.map(([, key = '', text = '']) => [key, text] as const), value };
    });

describe('GET /metrics of a server that strangers try things on', () => {
  const setUp = () => {
    const relearn = createInMemoryRelearn({ clock: systemClock });
    const app = buildApp(relearn, {
      functions: functionNames,
      clock: systemClock,
      logger: pino({ level: 'silent' }),
      newRequestId: () => 'fresh',
    });
    const post = (url: string, body: string | Buffer, type: string, headers = {}) =>
      app.inject({
        method: 'POST',
        url,
        payload: body,
        headers: { 'content-type': type, ...headers },
      });
    return { app, post };
  };

  it('grows by no text that they send', async () => {
    const { app, post } = setUp();
    const attempt = async (n: number) => {
      const mark = `mark-${n}`;
      await app.inject({ url: `/${mark}?${mark}`, headers: { 'user-agent': mark, [mark]: mark } });
      await app.inject({ method: 'POST', url: `/api/models/${mark}/promote` });
      await app.inject({ method: 'POST', url: `/api/models/${1000 + n}/promote` });
      await post('/predict', mark, `text/${mark}`, { 'x-request-id': mark });
      await post('/predict', Buffer.from(darkJpeg), 'image/jpeg');
      await post('/callback', JSON.stringify({ predictionId: mark, target: mark }), 'text/plain');
      const picture = dataUrlOf(darkJpeg);
      await post('/callback', JSON.stringify({ picture, target: mark }), 'text/plain');
      await post('/invoke', JSON.stringify({ triggerName: mark }), 'application/json');
      await post('/invoke', JSON.stringify({ [mark]: mark }), 'application/json');
    };
    const series = async () => {
      const { body } = await app.inject('/metrics');
      return samplesOf(body).map(({ name, labels }) => JSON.stringify([name, labels]));
    };
    await attempt(0);
    await series();
    const before = await series();
    for (let n = 1; n <= 20; n++) await attempt(n);
    const after = await series();
    expect(after.filter((one) => !before.includes(one))).toEqual([]);
    expect(after.join('\n')).not.toContain('mark-');
    expect(after.length).toBeLessThan(500);
  });

  it('is well-formed: families in one piece, histograms that add up', async () => {
    const { app, post } = setUp();
    await post('/predict', Buffer.from(darkJpeg), 'image/jpeg');
    await post('/predict', 'x', 'text/plain');
    const { body } = await app.inject('/metrics');
    const families = familiesOf(body);
    const samples = samplesOf(body);
    expect(samples.length).toBeGreaterThan(50);
    const seen: string[] = [];
    for (const { name, labels, value } of samples) {
      const family = families[name] ? name : name.replace(/_(bucket|sum|count)$/, '');
      expect(families, name).toHaveProperty(family);
      if (seen.at(-1) !== family) seen.push(family);
      expect(Number.isNaN(Number(value.replace('+Inf', 'Infinity')))).toBe(false);
      expect(new Set(labels.map(([key]) => key)).size).toBe(labels.length);
    }
    expect(new Set(seen).size).toBe(seen.length);
    for (const [family, type] of Object.entries(families)) {
      if (type !== 'histogram') continue;
      const of = (suffix: string) => samples.filter(({ name }) => name === `${family}${suffix}`);
      const rest = (labels: readonly (readonly [string, string])[]) =>
        JSON.stringify(labels.filter(([key]) => key !== 'le'));
      for (const { labels, value } of of('_count')) {
        const buckets = of('_bucket').filter((bucket) => rest(bucket.labels) === rest(labels));
        const counts = buckets.map((bucket) => Number(bucket.value));
        expect(counts).toEqual([...counts].sort((left, right) => left - right));
        expect(Object.fromEntries(buckets.at(-1)?.labels ?? []).le).toBe('+Inf');
        expect(counts.at(-1)).toBe(Number(value));
      }
    }
    expect(body).toContain('relearn_prediction_score_ratio_count 1');
  });
});
