import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { meaningOfError } from './answers.ts';
import { bucketError } from './bucket-error.ts';
import { NoAnswer } from './http-exchange.ts';
import { openBucket } from './open-bucket.ts';

let server: Server | undefined;
afterEach(() => server?.close());

let connections = 0;
const listen = async (started: Server): Promise<number> => {
  server = started;
  connections = 0;
  started.on('connection', () => connections++);
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return (started.address() as AddressInfo).port;
};

const readSettings = async (endpoint: string) => {
  const store = await openBucket('s3', `s3://bucket?endpoint=${endpoint}`, {
    clock: systemClock,
    newId: () => 'id',
    credentials: () => ({ accessKeyId: 'a', secretAccessKey: 'b' }),
  });
  return store.get('settings');
};

it('says so at once where https is spoken to a service of plain http', async () => {
  const port = await listen(createPlainServer());
  await expect(readSettings(`https://127.0.0.1:${port}`)).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'storage_tls',
    message: expect.not.stringMatching(/routines|error:|OpenSSL/i),
    hint: expect.stringContaining('http://'),
    cause: { cause: { message: expect.stringMatching(/wrong version|packet length/i) } },
  });
  expect(connections).toBe(1);
});

/** A key and a certificate that nobody vouches for. */
const selfSigned = () => {
  const folder = mkdtempSync(join(tmpdir(), 'relearn-tls-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const how = 'req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1'.split(' ');
    execFileSync('openssl', [...how, '-keyout', key, '-out', cert], { stdio: 'pipe' });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

it('says so at once where the certificate is not trusted', async ({ skip }) => {
  let identity: ReturnType<typeof selfSigned>;
  try {
    identity = selfSigned();
  } catch {
    console.log('skipped: an untrusted certificate, because openssl is not installed');
    return skip();
  }
  const port = await listen(createTlsServer(identity));
  await expect(readSettings(`https://127.0.0.1:${port}`)).rejects.toMatchObject({
    code: 'storage_tls',
    message: expect.stringMatching(/not trusted.*DEPTH_ZERO_SELF_SIGNED_CERT/),
    hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
  });
  expect(connections).toBe(1);
});

it.each([
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'no-tls', 'http://'],
  ['EPROTO', 'no-tls', 'http://'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'other-name', 'pathStyle=true'],
  ['CERT_HAS_EXPIRED', 'out-of-date', 'clock'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'untrusted', 'NODE_EXTRA_CA_CERTS'],
  ['ECONNRESET', 'unclear', 'http or https'],
])('%s is %s', (code, meaning, hint) => {
  const cause = Object.assign(new Error('0A00010B:SSL routines'), { code });
  const error = new NoAnswer(cause.message, { cause });
  expect(meaningOfError(error)).toBe(meaning);
  const attempt = { location: 's3://bucket', bucket: 'bucket', doing: 'read', key: 'a' } as const;
  expect(bucketError(error, attempt)).toMatchObject({ hint: expect.stringContaining(hint) });
});
