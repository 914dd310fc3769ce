/** Every form that `--store` takes, for help texts. */
export const storeForms = [
  ['./relearn-store, file:///data/store', 'a folder'],
  ['s3://bucket/prefix?region=eu-west-1', 'Amazon S3'],
  ['s3://bucket?endpoint=http://ceph:7480', 'any store that speaks S3 (also pathStyle, checksums)'],
  ['oss://bucket/prefix?region=cn-shanghai', 'Alibaba Cloud OSS (also internal=true, endpoint)'],
] as const;
