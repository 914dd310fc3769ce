/**
 * The page in a real Chromium, against a server on a real socket: a person drops a picture, sees
 * the scores, corrects them, watches the training and meets the new version. Screenshots of every
 * step are left in RELEARN_SCREENSHOTS for a person to look at.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { RelearnError } from '../../src/base/errors.ts';
import { createRandom } from '../../src/base/random.ts';
import { encodeJpeg } from '../../src/data/decode-image.ts';
import { paintPicture } from '../../src/demo/paint-picture.ts';
import { parseKeys } from '../../src/http/keys.ts';
import { type RunningServer, type ServeOptions, serve } from '../../src/http/serve.ts';
import type { GateFinding, GateReport } from '../../src/records/reports.ts';
import { createInMemoryRelearn, type InMemoryOptions } from '../in-memory-relearn.ts';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const isInstalled = existsSync(executablePath);
if (!isInstalled) console.log('skipped: chromium is not installed');

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const history = [
  { accuracy: 0.72, verdict: 'first' },
  { accuracy: 0.79, verdict: 'promote' },
  { accuracy: 0.775, verdict: 'reject' },
  { accuracy: 0.798, verdict: 'not-enough-evidence' },
] as const;

describe.skipIf(!isInstalled)('the page', () => {
  let browser: Browser;
  let folder: string;
  let screenshots: string;
  let server: RunningServer;
  let context: BrowserContext;
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relearn-page-'));
    screenshots = process.env.RELEARN_SCREENSHOTS ?? join(folder, 'screenshots');
    await mkdir(screenshots, { recursive: true });
    await build({
      configFile: fileURLToPath(new URL('../../web/vite.config.ts', import.meta.url)),
      logLevel: 'warn',
      build: { outDir: join(folder, 'web') },
    });
    browser = await chromium.launch({ executablePath, args: flags });
  });
  afterEach(async () => {
    await context?.close();
    await server?.close();
    expect(complaints.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const inMemory = (more: Partial<InMemoryOptions> = {}) =>
    createInMemoryRelearn({ clock: systemClock, threshold: 2, roundTime: 400, history, ...more });
  const start = async (
    relearn: Partial<InMemoryOptions> = {},
    more: Partial<ServeOptions> = {},
  ) => {
    server = await serve({
      relearn: inMemory(relearn),
      port: 0,
      logger: pino({ level: 'silent' }),
      pageFolder: join(folder, 'web'),
      ...more,
    });
  };

  /** Opens the page as a person of this language, taste and screen; every complaint is kept. */
  const open = async (
    person: { locale?: string; colorScheme?: 'light' | 'dark'; width?: number } = {},
  ): Promise<Page> => {
    const { locale = 'en-GB', colorScheme = 'light', width = 1180 } = person;
    const viewport = { width, height: 900 };
    context = await browser.newContext({ locale, colorScheme, viewport, timezoneId: 'UTC' });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(server.url) && !url.startsWith('blob:')) complaints.push(`asks ${url}`);
    });
    await page.goto(server.url);
    return page;
  };
  const shoot = (page: Page, name: string) =>
    page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
  const paint = async (kind: 'cat' | 'dog', seed: number, size = 700) => ({
    name: `${kind}.jpg`,
    mimeType: 'image/jpeg',
    buffer: Buffer.from(await encodeJpeg(paintPicture(kind, createRandom(seed), size))),
  });
  const choose = async (page: Page, picture: Awaited<ReturnType<typeof paint>>) => {
    await page.locator('input[type=file]').setInputFiles(picture);
    await page.locator('.scores li').first().waitFor();
  };
  const smallCat = async () => (await paint('cat', 2, 96)).buffer.toString('base64');
  /** Files fall on the element that the selector finds first. */
  const drop = (
    page: Page,
    selector: string,
    files: readonly { readonly type: string; readonly base64: string }[],
  ) =>
    page.evaluate(`{
      const dataTransfer = new DataTransfer();
      for (const { type, base64 } of ${JSON.stringify(files)}) {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        dataTransfer.items.add(new File([bytes], 'x', { type }));
      }
      const event = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
      document.querySelector('${selector}').dispatchEvent(event);
      if (!event.defaultPrevented) throw new Error('The browser would leave the page.');
    }`);
  const badge = (page: Page) => page.locator('.badge').getAttribute('data-version');

  it('goes from a picture to a better version', async () => {
    await start();
    const page = await open();
    await page.locator('.chart circle').first().waitFor();
    expect(await badge(page)).toBe('2');
    await shoot(page, '1-empty');

    await choose(page, await paint('cat', 3));
    // What is shown is what was sent.
    expect(
      await page
        .locator('.drop img')
        .evaluate((image: { naturalWidth?: number }) => image.naturalWidth),
    ).toBe(512);
    const shares = await page.locator('.score-value').allTextContents();
    const sum = shares.reduce((total, text) => total + Number.parseFloat(text), 0);
    expect(sum).toBeCloseTo(100, 0);
    await shoot(page, '2-scores');

    const predicted = (await page.locator('.scores li .score-label').first().textContent()) ?? '';
    const other = predicted === 'cat' ? 'dog' : 'cat';
    await page.locator('fieldset').getByRole('button', { name: other, exact: true }).click();
    await page.locator('.thanks').waitFor();
    await page.locator(`.pending li:has-text("${other}")`).getByText('1 of 2').waitFor();
    await page.getByText('3 more answers').waitFor();
    await shoot(page, '3-thanks');

    const answers = [other, predicted, predicted];
    for (const [at, target] of answers.entries()) {
      await choose(page, await paint(target === 'cat' ? 'cat' : 'dog', 10 + at));
      await page
        .locator('fieldset')
        .getByRole('button', { name: new RegExp(`(^|, )${target}$`) })
        .click();
      await page.locator('.thanks').waitFor();
    }
    await page.locator('.training').waitFor();
    await page.getByRole('img', { name: /Validation accuracy after \d round/ }).waitFor();
    // The page asks now and then, so it may step over any one round.
    await page.getByText(/[1-8] \/ 8/).waitFor();
    await shoot(page, '4-training');

    await page.locator('.badge[data-version="5"]').waitFor();
    await page.getByText('New model: version 5 answers now').waitFor();
    await page.locator('.versions tbody tr').nth(4).waitFor();
    expect(await page.locator('.is-champion th').textContent()).toContain('5');
    await shoot(page, '5-new-version');
    await page.getByRole('button', { name: 'Ask version 5' }).click();
    await page.getByText('Answered by version 5').waitFor();
    await shoot(page, '6-asked-again');
  });

  it('speaks Chinese in the dark and remembers the choice of language', async () => {
    await start();
    const page = await open({ locale: 'zh-CN', colorScheme: 'dark' });
    await page.locator('.chart circle').first().waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
    await choose(page, await paint('dog', 5));
    await shoot(page, '7-chinese-dark');
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByText('Is that right?').waitFor();
    await page.reload();
    await page.getByText('Drop a picture here').waitFor();
  });

  it('fits a narrow phone, in both languages', async () => {
    await start();
    for (const locale of ['en-GB', 'zh-CN']) {
      const page = await open({ width: 360, locale });
      await page.locator('.chart circle').first().waitFor();
      await choose(page, await paint('cat', 8));
      const width = await page.evaluate('document.scrollingElement.scrollWidth');
      expect(width).toBe(360);
      await shoot(page, `8-phone-${locale}`);
      await context.close();
    }
  });

  it('works by keyboard alone', async () => {
    await start();
    const page = await open();
    await page.locator('.chart circle').first().waitFor();
    const chooser = page.waitForEvent('filechooser');
    const focused = () => page.evaluate('document.activeElement.textContent');
    for (let tab = 0; tab < 5 && (await focused()) !== 'Choose a picture'; tab++)
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await (await chooser).setFiles(await paint('cat', 4));
    await page.locator('.scores li').first().waitFor();
    for (let tab = 0; tab < 5 && !String(await focused()).startsWith('Yes'); tab++)
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('.thanks').waitFor();
  });

  it('takes a pasted picture and says when a file is none', async () => {
    await start();
    const page = await open();
    await page.locator('.chart circle').first().waitFor();
    const text = { name: 'a.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('not a picture') };
    await page.locator('input[type=file]').setInputFiles(text);
    await page.getByText('could not be read as a picture').waitFor();
    await shoot(page, '9-not-a-picture');
    for (const [type, bytes] of [
      ['image/heic', '\0\0\0 ftypheic'],
      ['application/pdf', '%PDF-1.7'],
      ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ] as const) {
      await drop(page, 'h2', [{ type, base64: Buffer.from(bytes).toString('base64') }]);
      await page.getByText('JPEG, PNG and WebP can.').waitFor();
    }
    await drop(page, 'h2', []);
    await page.getByText('JPEG, PNG and WebP can.').waitFor();
    expect(page.url()).toBe(`${server.url}/`);
    const gif = 'R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==';
    await drop(page, '.drop', [{ type: 'image/gif', base64: gif }]);
    await page.locator('.scores li').first().waitFor();
    const { buffer } = await paint('dog', 6, 96);
    await page.evaluate(`{
      const bytes = Uint8Array.from(atob('${buffer.toString('base64')}'), (c) => c.charCodeAt(0));
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File([bytes], 'p.jpg', { type: 'image/jpeg' }));
      document.dispatchEvent(new ClipboardEvent('paste', { clipboardData }));
    }`);
    await page.locator('.scores li').first().waitFor();
    expect(await page.locator('[role=alert]').count()).toBe(0);
  });

  it('says once what is missing before the first model, and offers nothing', async () => {
    await start({ hasModel: false });
    for (const person of [{}, { locale: 'zh-CN', colorScheme: 'dark', width: 360 } as const]) {
      const page = await open(person);
      await page.getByText(person.locale ? '还没有可用的模型' : 'No model is ready yet').waitFor();
      const base64 = await smallCat();
      await drop(page, '.drop', [{ type: 'image/jpeg', base64 }]);
      await page.waitForTimeout(300);
      expect(await page.locator('.picture-card button').count()).toBe(0);
      expect(await page.locator('.answer').textContent()).toBe('');
      await shoot(page, `10-no-model-${person.locale ?? 'en'}`);
      await context.close();
    }
  });

  it('takes the first of twenty files, wherever they fall, and says so', async () => {
    await start();
    const page = await open();
    await page.locator('.chart circle').first().waitFor();
    const base64 = await smallCat();
    await drop(page, '#history-title', Array(20).fill({ type: 'image/jpeg', base64 }));
    await page.getByText('Only the first of 20 files was taken.').waitFor();
    await page.locator('.scores li').first().waitFor();
    await shoot(page, '12-twenty-files');
  });

  it('takes it that a picture shows none of the labels, or that nobody can tell', async () => {
    await start({ keepPredictions: true });
    const page = await open();
    for (const [at, name] of ['None of these', 'Not sure'].entries()) {
      await choose(page, await paint('cat', 20 + at));
      await page.getByRole('button', { name }).click();
      await page.getByText('Noted; nothing is learned from it.').waitFor();
    }
    await page.getByText('4 more answers').waitFor();
    await shoot(page, '13-neither');
  });

  it('tells in its own language why the gate decided, and what it does not know as it came', async () => {
    const relearn = inMemory({
      history: [
        ...history,
        { accuracy: 0.7, verdict: 'reject' },
        { accuracy: 0.75, verdict: 'reject' },
      ],
    });
    const runs = await relearn.runs();
    const gates: readonly Partial<GateReport>[] = [
      { reasons: ['collapsed: x'], findings: [{ code: 'collapsed', label: 'dog' }] },
      {},
      {},
      {},
      { reasons: ['worse: from an earlier release'], findings: undefined },
      {
        reasons: ['odd_one: of a later release'],
        findings: [{ code: 'odd_one' } as unknown as GateFinding],
      },
    ];
    relearn.runs = async () =>
      runs.map((run, index) => ({
        ...run,
        report: run.report && { ...run.report, gate: { ...run.report.gate, ...gates[index] } },
      }));
    for (const locale of ['en-GB', 'zh-CN']) {
      await start({}, { relearn });
      const page = await open({ locale });
      await page.locator('.versions tbody tr').nth(5).waitFor();
      expect(await page.locator('.reasons').allInnerTexts()).toEqual(
        locale === 'en-GB'
          ? [
              'of a later release',
              'from an earlier release',
              'Of 400 holdout pictures, only this version is right on 21, only the champion at the time on 18.\n' +
                'About 2,300 holdout pictures would be enough to decide.',
              'dog: 4.1 points worse (p\u00a0=\u00a00.012).',
              'Of 400 holdout pictures, only this version is right on 52, only the champion at the time on 24.',
              'It never predicts dog.',
            ]
          : [
              'of a later release',
              'from an earlier release',
              '在 400 张留出图片中，仅此版本答对 21 张，仅当时使用的版本答对 18 张。\n' +
                '大约需要 2,300 张留出图片才能得出结论。',
              'dog：低了 4.1 个百分点（p\u00a0=\u00a00.012）。',
              '在 400 张留出图片中，仅此版本答对 52 张，仅当时使用的版本答对 24 张。',
              '从不预测 dog。',
            ],
      );
      await shoot(page, `18-reasons-${locale}`);
      await context.close();
      await server.close();
    }
  });

  it('says in its own language what the server refuses', async () => {
    const relearn = inMemory();
    const refuse = (code: string) => () => {
      throw new RelearnError('invalid', code, 'for the test');
    };
    await start({}, { relearn });
    const page = await open({ locale: 'zh-CN' });
    await page.locator('.chart circle').first().waitFor();
    for (const [code, words] of [
      ['truncated_image', '此图片无法使用：图片不完整。'],
      ['label_retired', 'The label is no longer in use.'],
    ] as const) {
      relearn.predict = refuse(code);
      await page.locator('input[type=file]').setInputFiles(await paint('cat', 3));
      await page.getByRole('alert').getByText(words).waitFor();
    }
    relearn.models.promote = refuse('version_incomplete');
    page.on('dialog', (dialog) => void dialog.accept());
    await page.getByRole('button', { name: '设为当前版本' }).first().click();
    await page.getByRole('alert').getByText('此版本缺少文件，无法使用。').waitFor();
    await shoot(page, '19-refused');
    expect(complaints.splice(0).every((line) => /409|422/.test(line))).toBe(true);
  });

  it('tells in words what was set aside', async () => {
    const quarantined = { unsupported_image: 2, 'damaged: its hash differs': 1, 'odd one': 1 };
    await start({ setAside: { quarantined, misnamed: { 'a part begins with a dot': 1 } } });
    for (const locale of ['en-GB', 'zh-CN']) {
      const page = await open({ locale });
      await page.locator('.set-aside').waitFor();
      expect(await page.locator('.set-aside').textContent()).toBe(
        locale === 'en-GB'
          ? '4 answers were set aside and can’t be learned from: 2\u00a0× no JPEG, PNG or WebP, ' +
              '1\u00a0× damaged in the store, 1\u00a0× odd one.One object lies under a name that can’t be used.'
          : '有 4 个回答已被隔离，无法用于学习：2\u00a0× 不是 JPEG、PNG 或 WebP、1\u00a0× 存储中已损坏、1\u00a0× odd one。有 1 个对象的名称无法使用。',
      );
      await shoot(page, `14-set-aside-${locale}`);
      await context.close();
    }
  });

  it('says what the server says, that it is slow, and that it is gone', async () => {
    const relearn = inMemory();
    const fail = (code: string) => () => {
      throw new RelearnError('unavailable', code, 'for the test');
    };
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { predict } = relearn;
    await start({}, { relearn });
    const page = await open();
    await page.locator('.chart circle').first().waitFor();

    relearn.predict = async (picture) => held.then(() => predict(picture));
    await page.locator('input[type=file]').setInputFiles(await paint('cat', 3));
    await page.getByText('Looking …').waitFor();
    await shoot(page, '15-slow');
    release();
    await page.locator('.scores li').first().waitFor();

    relearn.collectFeedback = fail('storage_read_only');
    await page.getByRole('button', { name: /^Yes/ }).click();
    await page.getByRole('alert').getByText('storage is read-only').waitFor();
    await shoot(page, '16-read-only');

    relearn.status = fail('storage_unavailable');
    await page.getByText('can’t reach its storage').first().waitFor();
    await server.close();
    await page.getByText('The server does not answer. Trying again …').waitFor();
    await shoot(page, '17-gone');
    // The browser itself notes each refused or failed request.
    expect(complaints.splice(0).every((line) => /503|ERR_CONNECTION|ERR_EMPTY/.test(line))).toBe(
      true,
    );
  });

  it('asks for a key where the server wants one', async () => {
    await start({}, { keys: parseKeys('boss:k1:admin+predict+feedback') });
    const page = await open();
    await page.getByLabel('API key').fill('k1');
    await shoot(page, '11-key');
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.locator('.chart circle').first().waitFor();
    await choose(page, await paint('cat', 4, 96));
    // Until the key is there the browser itself notes that the answers were 401.
    expect(complaints.splice(0).every((line) => line.includes('401'))).toBe(true);
  });
});
