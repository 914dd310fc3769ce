/**
 * Environment of a training process. glibc by default returns large freed tensors to the kernel and
 * takes fresh 4 KiB pages back; kept on the heap and in huge pages instead. Before ONNX Runtime's
 * arena held all tensors (session.ts) this halved a step of `article`; since then the difference is
 * within the noise of a busy machine. Other systems ignore the variable.
 */
export const trainingEnvironment: Readonly<Record<string, string>> = {
  GLIBC_TUNABLES: [
    'glibc.malloc.hugetlb=1',
    'glibc.malloc.mmap_threshold=4294967296',
    'glibc.malloc.trim_threshold=8589934592',
  ].join(':'),
};
