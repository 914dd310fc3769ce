/** The ASCII id of a label: what stands for it in object keys, and never changes. */

const plainName = /^[a-z0-9_-]{1,64}$/;

/**
 * A lower-case ASCII name is its own id; any other name becomes `label-<n>`, counted from 1 by its
 * place in the list. Ids are unique, also where a label is itself called `label-2`.
 */
export const labelIdsOf = (labels: readonly string[]): string[] => {
  const taken = new Set(labels.filter((label) => plainName.test(label)));
  return labels.map((label, index) => {
    if (plainName.test(label)) return label;
    let number = index + 1;
    while (taken.has(`label-${number}`)) number += labels.length;
    taken.add(`label-${number}`);
    return `label-${number}`;
  });
};
