// Backups as the rest of the app sees them: what makes them is loaded when somebody wants the first.

import type { SentBackups, SentBackupsOptions } from "../backup/send-backups.ts";
import { madeOnce } from "../contract/made-once.ts";

export type LazyBackups = SentBackups;

export function createLazyBackups(options: SentBackupsOptions): LazyBackups {
  const backups = madeOnce(async () => {
    const { createSentBackups } = await import("../backup/send-backups.ts");
    return createSentBackups(options);
  });

  return {
    async open(signal) {
      return (await backups.get()).open(signal);
    },
    async close() {
      await (await backups.ifAsked())?.close();
    },
  };
}
