/** Every sentence of the page, in each of its languages. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { GateFinding, TrainingProgress, Verdict } from '../../src/records/reports.ts';

type Finding<Code> = Extract<GateFinding, { readonly code: Code }>;
type FindingTexts = { readonly [Code in GateFinding['code']]: (finding: Finding<Code>) => string };
type Comparison = Finding<'better' | 'not_enough_evidence'>;

const englishComparison = ({ n, onlyCandidate, onlyChampion }: Comparison) =>
  `Of ${number('en', n)} holdout pictures, only this version is right on ${number('en', onlyCandidate)}, only the champion at the time on ${number('en', onlyChampion)}.`;

const english = {
  language: 'en',
  percent: (share: number) => format('en', share, 0),
  /** With its decimal even where that is 0, so that columns of numbers line up. */
  exactPercent: (share: number) => format('en', share, 1),
  tagline: 'A picture classifier that learns from your answers',
  drop: 'Drop a picture here',
  orPaste: 'or paste one, or',
  choose: 'Choose a picture',
  another: 'Another picture',
  yourPicture: 'Your picture',
  looking: 'Looking …',
  sees: (label: string) => `Looks like: ${label}`,
  scores: 'How sure the model is',
  isRight: 'Is that right?',
  yes: (label: string) => `Yes, ${label}`,
  no: 'No, it is',
  choosePlaceholder: 'Choose a label',
  neither: 'None of these',
  unsure: 'Not sure',
  noted: 'Thank you. Noted; nothing is learned from it.',
  onlyFirst: (count: number) => `Only the first of ${count} files was taken.`,
  thanks: 'Thank you. Your answer is kept and will be learned from.',
  known: 'Thank you. This picture was already known.',
  review: 'Thank you. Someone will look at your answer first.',
  answeredBy: (version: number) => `Answered by version ${version}`,
  askAgain: (version: number) => `Ask version ${version}`,
  noModel: 'No model is ready yet',
  noModelCure: 'Import pictures and train one; then pictures can be dropped here.',
  notServed: 'Predictions are not served here.',
  learning: 'Learning',
  waiting: 'Answers for the next training',
  ofThreshold: (count: number, threshold: number) =>
    `${number('en', count)} of ${number('en', threshold)}`,
  left: (count: number) =>
    count === 1 ? 'One more answer starts it.' : `${number('en', count)} more answers start it.`,
  enough: 'Enough answers. Training starts in a moment.',
  trainsElsewhere: 'Enough answers. Training waits for its next call.',
  setAside: (count: number, reasons: string) =>
    `${count === 1 ? 'One answer was' : `${count} answers were`} set aside and can’t be learned from: ${reasons}.`,
  misnamed: (count: number) =>
    count === 1
      ? 'One object lies under a name that can’t be used.'
      : `${count} objects lie under names that can’t be used.`,
  refused: (reason: string) => `This picture can’t be used: ${reason}.`,
  listed: (items: readonly string[]) => items.join(', '),
  reasons: {
    unsupported_image: 'no JPEG, PNG or WebP',
    corrupt_image: 'damaged picture',
    truncated_image: 'picture cut off',
    empty_image: 'empty file',
    too_many_pixels: 'too many pixels',
    too_many_channels: 'too many channels',
    image_too_complex: 'too slow to decode',
    aspect_ratio: 'too narrow',
    damaged: 'damaged in the store',
    'belongs to the holdout part of the base data': 'part of the holdout',
    'belongs to the validation part of the base data': 'part of the validation pictures',
    'under no label': 'under no label',
    'larger than 16 MiB': 'larger than 16 MiB',
    'an item under a wrong name': 'under a wrong name',
    'the decoder died of it': 'the decoder died of it',
    'its note is missing': 'reason unknown',
  } as Readonly<Record<string, string>>,
  training: 'Training now',
  phases: {
    preparing: 'Preparing',
    training: 'Training',
    evaluating: 'Evaluating',
    publishing: 'Publishing',
  } satisfies Record<TrainingProgress['phase'], string>,
  round: 'Round',
  loss: 'Loss',
  best: 'Best accuracy',
  curveLabel: (rounds: number, accuracy: number) =>
    `Validation accuracy after ${rounds} ${rounds === 1 ? 'round' : 'rounds'}: ${format('en', accuracy, 1)}`,
  timeLeft: 'Time left',
  speed: 'Pictures a second',
  seconds: (seconds: number) =>
    seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`,
  version: (version: number) => `Version ${version}`,
  noVersion: 'No model',
  newVersion: (version: number) => `New model: version ${version} answers now`,
  history: 'Accuracy of every version',
  historyNote: 'On the same frozen holdout; the lines are 95% intervals.',
  historyEmpty: 'The first training puts the first point here.',
  chartLabel: (count: number) => `Accuracy of ${count} versions; the table below has the numbers`,
  versions: 'Versions',
  versionColumn: 'Version',
  accuracy: 'Accuracy',
  verdict: 'Decision',
  reason: 'Why',
  created: 'Trained',
  champion: 'champion',
  makeChampion: 'Make champion',
  confirmChampion: (version: number) => `Let version ${version} answer from now on?`,
  verdicts: {
    first: 'First model',
    promote: 'Promoted',
    reject: 'Rejected',
    'not-enough-evidence': 'Not enough evidence',
  } satisfies Record<Verdict, string>,
  findings: {
    better: englishComparison,
    not_enough_evidence: englishComparison,
    worse: ({ n, drop, pValue }) =>
      `${points('en', drop)} points worse on ${number('en', n)} holdout pictures (${pText(pValue)}).`,
    class_regression: ({ label, drop, pValue }) =>
      `${label}: ${points('en', drop)} points worse (${pText(pValue)}).`,
    collapsed: ({ label }) => `It never predicts ${label}.`,
    non_finite: ({ n, broken }) =>
      `Its output for ${number('en', broken)} of ${number('en', n)} pictures is not a number.`,
    empty_holdout: () => 'There are no holdout pictures to compare on.',
    champion_changed: ({ version }) => `Version ${version} became champion during the training.`,
  } satisfies FindingTexts,
  needed: (count: number) =>
    `About ${number('en', count)} holdout pictures would be enough to decide.`,
  tryingAgain: 'Trying again …',
  keyNeeded: 'This server asks for an API key.',
  key: 'API key',
  useKey: 'Use this key',
  errors: {
    unreadable: 'This file could not be read as a picture. JPEG, PNG and WebP can.',
    offline: 'The server does not answer.',
    model_not_ready: 'No model is ready yet.',
    storage_unavailable: 'The server can’t reach its storage. Nothing was kept; please try again.',
    storage_read_only: 'The server’s storage is read-only, so it can’t keep answers.',
    storage_full: 'The server’s storage is full, so it can’t keep answers.',
    internal: 'The server failed. Its log says why.',
    model_output_invalid: 'The model gave no valid answer. The server’s log says why.',
    deadline_exceeded: 'The answer took too long. Please try again.',
    store_too_new: 'The store was written by a newer release. The server needs that release.',
    unknown_label: 'This label is not known. Please load the page again.',
    version_not_found: 'There is no such version.',
    version_incomplete: 'This version lacks a file, so it can’t answer.',
    prediction_expired: 'This server keeps no pictures, so it can’t note this.',
    overloaded: 'The server is busy. Please try again in a moment.',
    rate_limited: 'Too many requests. Please wait a moment.',
    shutting_down: 'The server is stopping.',
    body_too_large: 'The picture is too large.',
    missing_key: 'This server asks for an API key.',
    bad_key: 'The API key is not known.',
    insufficient_scope: 'The API key does not allow this.',
  } as Readonly<Record<string, string>>,
  unknownError: 'That did not work. Please try again.',
};

export type Texts = typeof english;

const chineseComparison = ({ n, onlyCandidate, onlyChampion }: Comparison) =>
  `在 ${number('zh-CN', n)} 张留出图片中，仅此版本答对 ${number('zh-CN', onlyCandidate)} 张，仅当时使用的版本答对 ${number('zh-CN', onlyChampion)} 张。`;

const chinese: Texts = {
  language: 'zh-CN',
  percent: (share) => format('zh-CN', share, 0),
  exactPercent: (share) => format('zh-CN', share, 1),
  tagline: '从你的回答中不断学习的图片分类器',
  drop: '把图片拖到这里',
  orPaste: '也可以粘贴，或者',
  choose: '选择图片',
  another: '换一张图片',
  yourPicture: '你的图片',
  looking: '正在识别……',
  sees: (label) => `看起来是：${label}`,
  scores: '模型的把握',
  isRight: '对吗？',
  yes: (label) => `对，是 ${label}`,
  no: '不对，应该是',
  choosePlaceholder: '选择标签',
  neither: '都不是',
  unsure: '不确定',
  noted: '谢谢！已记录，模型不会从中学习。',
  onlyFirst: (count) => `共 ${count} 个文件，只使用了第一个。`,
  thanks: '谢谢！你的回答已保存，模型会从中学习。',
  known: '谢谢！这张图片之前已经收到过。',
  review: '谢谢！你的回答会先由人工核对。',
  answeredBy: (version) => `由版本 ${version} 回答`,
  askAgain: (version) => `请版本 ${version} 再看一次`,
  noModel: '还没有可用的模型',
  noModelCure: '请先导入图片并训练，之后即可把图片拖到这里。',
  notServed: '此处不提供预测。',
  learning: '学习',
  waiting: '用于下一次训练的回答',
  ofThreshold: (count, threshold) => `${number('zh-CN', count)} / ${number('zh-CN', threshold)}`,
  left: (count) => `再有 ${number('zh-CN', count)} 个回答即可开始。`,
  enough: '回答已足够，训练即将开始。',
  trainsElsewhere: '回答已足够，等待下一次触发训练。',
  setAside: (count, reasons) => `有 ${count} 个回答已被隔离，无法用于学习：${reasons}。`,
  misnamed: (count) => `有 ${count} 个对象的名称无法使用。`,
  refused: (reason) => `此图片无法使用：${reason}。`,
  listed: (items) => items.join('、'),
  reasons: {
    unsupported_image: '不是 JPEG、PNG 或 WebP',
    corrupt_image: '图片已损坏',
    truncated_image: '图片不完整',
    empty_image: '空文件',
    too_many_pixels: '像素过多',
    too_many_channels: '通道过多',
    image_too_complex: '解码过慢',
    aspect_ratio: '图片过窄',
    damaged: '存储中已损坏',
    'belongs to the holdout part of the base data': '属于留出集',
    'belongs to the validation part of the base data': '属于验证集',
    'under no label': '不属于任何标签',
    'larger than 16 MiB': '大于 16 MiB',
    'an item under a wrong name': '名称有误',
    'the decoder died of it': '解码器因它而崩溃',
    'its note is missing': '原因不明',
  },
  training: '正在训练',
  phases: {
    preparing: '准备中',
    training: '训练中',
    evaluating: '评估中',
    publishing: '发布中',
  },
  round: '轮次',
  loss: '损失',
  best: '最佳准确率',
  curveLabel: (rounds, accuracy) => `${rounds} 轮之后的验证准确率：${format('zh-CN', accuracy, 1)}`,
  timeLeft: '剩余时间',
  speed: '每秒图片数',
  seconds: (seconds) =>
    seconds < 90 ? `${Math.round(seconds)} 秒` : `${Math.round(seconds / 60)} 分钟`,
  version: (version) => `版本 ${version}`,
  noVersion: '暂无模型',
  newVersion: (version) => `新模型：现在由版本 ${version} 回答`,
  history: '各版本的准确率',
  historyNote: '在同一份固定的留出集上测得；竖线为 95% 置信区间。',
  historyEmpty: '第一次训练之后，这里会出现第一个点。',
  chartLabel: (count) => `${count} 个版本的准确率，具体数字见下表`,
  versions: '版本列表',
  versionColumn: '版本',
  accuracy: '准确率',
  verdict: '结论',
  reason: '原因',
  created: '训练时间',
  champion: '当前使用',
  makeChampion: '设为当前版本',
  confirmChampion: (version) => `从现在起由版本 ${version} 回答？`,
  verdicts: {
    first: '首个模型',
    promote: '已采用',
    reject: '未采用',
    'not-enough-evidence': '证据不足',
  },
  findings: {
    better: chineseComparison,
    not_enough_evidence: chineseComparison,
    worse: ({ n, drop, pValue }) =>
      `在 ${number('zh-CN', n)} 张留出图片上低了 ${points('zh-CN', drop)} 个百分点（${pText(pValue)}）。`,
    class_regression: ({ label, drop, pValue }) =>
      `${label}：低了 ${points('zh-CN', drop)} 个百分点（${pText(pValue)}）。`,
    collapsed: ({ label }) => `从不预测 ${label}。`,
    non_finite: ({ n, broken }) =>
      `${number('zh-CN', n)} 张图片中有 ${number('zh-CN', broken)} 张的输出不是数值。`,
    empty_holdout: () => '没有可供比较的留出图片。',
    champion_changed: ({ version }) => `训练期间，版本 ${version} 成为了当前版本。`,
  },
  needed: (count) => `大约需要 ${number('zh-CN', count)} 张留出图片才能得出结论。`,
  tryingAgain: '正在重试……',
  keyNeeded: '此服务器需要 API 密钥。',
  key: 'API 密钥',
  useKey: '使用此密钥',
  errors: {
    unreadable: '无法将此文件识别为图片。请使用 JPEG、PNG 或 WebP。',
    offline: '服务器没有响应。',
    model_not_ready: '还没有可用的模型。',
    storage_unavailable: '服务器无法访问其存储，没有保存任何内容，请重试。',
    storage_read_only: '服务器的存储是只读的，无法保存回答。',
    storage_full: '服务器的存储已满，无法保存回答。',
    internal: '服务器出错，原因见其日志。',
    model_output_invalid: '模型没有给出有效的回答，原因见服务器日志。',
    deadline_exceeded: '回答耗时过长，请重试。',
    store_too_new: '存储由更新的版本写入，服务器需要升级。',
    unknown_label: '未知标签，请重新加载页面。',
    version_not_found: '没有这个版本。',
    version_incomplete: '此版本缺少文件，无法使用。',
    prediction_expired: '此服务器不保留图片，无法记录该回答。',
    overloaded: '服务器繁忙，请稍后重试。',
    rate_limited: '请求过多，请稍候。',
    shutting_down: '服务器正在停止。',
    body_too_large: '图片太大。',
    missing_key: '此服务器需要 API 密钥。',
    bad_key: 'API 密钥无效。',
    insufficient_scope: '此 API 密钥没有权限。',
  },
  unknownError: '操作没有成功，请重试。',
};

const format = (language: string, share: number, fewestDecimals: 0 | 1): string =>
  new Intl.NumberFormat(language, {
    style: 'percent',
    minimumFractionDigits: fewestDecimals,
    maximumFractionDigits: 1,
  }).format(share);

const number = (language: string, value: number): string =>
  new Intl.NumberFormat(language).format(value);

/** On one line. */
const pText = (pValue: number): string => `p\u00a0=\u00a0${pValue.toPrecision(2)}`;

/** A share in percentage points. */
const points = (language: string, share: number): string =>
  new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(
    share * 100,
  );

export const languages = { en: english, zh: chinese } as const;
export type Language = keyof typeof languages;

const languageName = 'relearn-language';

/** The person's choice, else the browser's language. */
export const initialLanguage = (): Language => {
  const chosen = localStorage.getItem(languageName);
  if (chosen === 'en' || chosen === 'zh') return chosen;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
};

export const rememberLanguage = (language: Language): void =>
  localStorage.setItem(languageName, language);

export const TextsContext = createContext<Texts>(english);
export const useTexts = (): Texts => useContext(TextsContext);

/** @param problem what has no words of the page's own is told in the server's */
export const errorText = (
  texts: Texts,
  problem: { readonly code: string; readonly message: string },
): string => {
  const { code, message } = problem;
  const refusal = texts.reasons[code];
  return texts.errors[code] ?? (refusal ? texts.refused(refusal) : message || texts.unknownError);
};

/** A finding of the gate; undefined where it is none that the page knows. */
export const findingText = (texts: Texts, finding: GateFinding): string | undefined => {
  const words = texts.findings[finding.code] as ((finding: GateFinding) => string) | undefined;
  return words?.(finding);
};
