/** Counts as people read them. */
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const formatCount = (value: number): string => whole.format(value);

/** `1 problem`, `2 problems`, `1,500 pictures` */
export const counted = (value: number, unit: string): string =>
  `${formatCount(value)} ${unit}${value === 1 ? '' : 's'}`;
