import { describe, expect, it } from 'vitest';
import {
  anonymousFrom,
  hostFrom,
  keysFrom,
  listenAddressFrom,
  logLevelFrom,
  parseFunctions,
  portFrom,
  rateLimitFrom,
  threadsFrom,
} from './environment.ts';

describe('settings from the environment', () => {
  it('finds the port under the names that platforms use', () => {
    expect(portFrom({})).toBe(8080);
    expect(portFrom({ PORT: '3000' })).toBe(3000);
    expect(portFrom({ PORT: '3000', FC_SERVER_PORT: '9000' })).toBe(9000);
    expect(portFrom({ PORT: '3000', AWS_LWA_PORT: '7000' })).toBe(7000);
    expect(portFrom({ FC_CUSTOM_LISTEN_PORT: '9100' })).toBe(9100);
    expect(portFrom({ FC_FUNCTION_NAME: 'f', FC_INSTANCE_ID: 'i' })).toBe(9000);
    for (const bad of ['x', '-1', '70000', '1e3', '80 '])
      expect(() => portFrom({ PORT: bad })).toThrow(expect.objectContaining({ kind: 'usage' }));
  });

  it('knows its host and where that host reaches it', () => {
    const fc = { FC_FUNCTION_NAME: 'f', FC_INSTANCE_ID: 'i' };
    expect(hostFrom({})).toBe('machine');
    expect(hostFrom({ FC_FUNCTION_NAME: 'f', FC_INSTANCE_ID: '' })).toBe('machine');
    expect(hostFrom(fc)).toBe('function-compute');
    expect(hostFrom({ AWS_LAMBDA_FUNCTION_NAME: 'f' })).toBe('lambda');
    expect(hostFrom({ K_SERVICE: 's' })).toBe('knative');
    expect(listenAddressFrom({})).toBe('127.0.0.1');
    expect(listenAddressFrom(fc)).toBe('0.0.0.0');
    expect(listenAddressFrom({ ...fc, RELEARN_HOST: '10.0.0.1' })).toBe('10.0.0.1');
  });

  it('reads the level of the log and the number of threads', () => {
    expect(logLevelFrom({})).toBe('info');
    expect(logLevelFrom({ RELEARN_LOG_LEVEL: 'warn' })).toBe('warn');
    expect(threadsFrom({})).toBeUndefined();
    expect(threadsFrom({ RELEARN_THREADS: '2' })).toBe(2);
    for (const bad of ['0', '-1', 'x', '1e3'])
      expect(() => threadsFrom({ RELEARN_THREADS: bad })).toThrow(/^RELEARN_THREADS has a value/);
    expect(rateLimitFrom({})).toBeUndefined();
    expect(rateLimitFrom({ RELEARN_RATE_LIMIT: '0' })).toBe(0);
    expect(() => rateLimitFrom({ RELEARN_RATE_LIMIT: '-1' })).toThrow(/^RELEARN_RATE_LIMIT has/);
    expect(() => logLevelFrom({ RELEARN_LOG_LEVEL: 'loud' })).toThrow(/^RELEARN_LOG_LEVEL has/);
  });

  it('reads keys, open scopes and functions', () => {
    expect(keysFrom({ RELEARN_KEYS: 'a:b:predict' })).toHaveLength(1);
    expect(keysFrom({})).toEqual([]);
    expect(() => keysFrom({ RELEARN_KEYS_FILE: '/does/not/exist' })).toThrow(
      expect.objectContaining({ code: 'keys_file_unreadable' }),
    );
    expect([...anonymousFrom({ RELEARN_ANONYMOUS: 'predict,feedback' })]).toHaveLength(2);
    expect(parseFunctions('train, predict')).toEqual(['predict', 'train']);
    expect(() => parseFunctions('predict,fly')).toThrow(expect.objectContaining({ kind: 'usage' }));
  });
});
