/** The newest feedback, for people. Reads the headers of as many items as are asked for. */
import { decodeFeedbackItem } from '../../records/feedback-item.ts';
import { archiveLabelPrefix, feedbackLabelPrefix, parseItemKey } from '../../records/keys.ts';
import type { ObjectInfo } from '../../storage/object-store.ts';
import type { Components } from '../components.ts';

export interface RecentFeedback {
  readonly id: string;
  readonly label: string;
  readonly receivedAt: string;
  readonly source: string;
}

export const recentFeedback = async (
  { store, settings }: Components,
  limit: number,
): Promise<RecentFeedback[]> => {
  const newest: ObjectInfo[] = [];
  for (const labelId of settings.labelIds) {
    for (const prefix of [feedbackLabelPrefix(labelId), archiveLabelPrefix(labelId)]) {
      for await (const info of store.list(prefix)) if (parseItemKey(info.key)) newest.push(info);
    }
  }
  newest.sort((a, b) => b.modifiedAt - a.modifiedAt);
  const items: RecentFeedback[] = [];
  for (const { key } of newest.slice(0, limit)) {
    const bytes = await store.get(key);
    if (!bytes) continue;
    try {
      const { sha256, labelId, receivedAt, source } = decodeFeedbackItem(bytes, key).header;
      const label = settings.labels[settings.labelIds.indexOf(labelId)] ?? labelId;
      items.push({ id: sha256, label, receivedAt, source });
    } catch {
      // Damaged: the next training sets it aside with its reason.
    }
  }
  return items.sort((a, b) => b.receivedAt.localeCompare(a.receivedAt));
};
