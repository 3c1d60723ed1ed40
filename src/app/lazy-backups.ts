// Backups as the rest of the app sees them: what makes them is loaded when somebody wants the first.

import type { SentBackups, SentBackupsOptions } from "../backup/send-backups.ts";

export type LazyBackups = SentBackups;

export function createLazyBackups(options: SentBackupsOptions): LazyBackups {
  let loading: Promise<SentBackups> | undefined;

  async function load(): Promise<SentBackups> {
    const { createSentBackups } = await import("../backup/send-backups.ts");
    return createSentBackups(options);
  }

  return {
    async open(signal) {
      loading ??= load();
      return (await loading).open(signal);
    },
    async close() {
      await (await loading)?.close();
    },
  };
}
