/** Which names a bucket can have, at Alibaba Cloud OSS and at Amazon S3, by their documentation. */

interface Rule {
  readonly isBroken: RegExp;
  readonly cure: string;
}

const rules: Readonly<Record<'oss' | 's3', readonly Rule[]>> = {
  oss: [
    {
      isBroken: /^(?![a-z0-9][a-z0-9-]{1,61}[a-z0-9]$)/,
      cure: 'A bucket of OSS has 3 to 63 small letters, digits and hyphens, and no hyphen at an end.',
    },
  ],
  s3: [
    {
      isBroken: /^(?![a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$)/,
      cure: 'A bucket of S3 has 3 to 63 small letters, digits, dots and hyphens, a letter or digit at each end.',
    },
    { isBroken: /\.\./, cure: 'A bucket of S3 never has two dots in a row.' },
    { isBroken: /^\d+(?:\.\d+){3}$/, cure: 'A bucket of S3 never looks like an IP address.' },
    {
      isBroken: /^(?:xn--|sthree-|amzn-s3-demo-)/,
      cure: 'Names that begin with xn--, sthree- or amzn-s3-demo- are reserved.',
    },
    {
      isBroken: /(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/,
      cure: 'Names that end with -s3alias, --ol-s3, .mrap, --x-s3 or --table-s3 are reserved.',
    },
  ],
};

/** The rule that a name breaks; undefined where it breaks none. */
export const bucketNameProblem = (service: 'oss' | 's3', name: string): string | undefined =>
  rules[service].find(({ isBroken }) => isBroken.test(name))?.cure;
