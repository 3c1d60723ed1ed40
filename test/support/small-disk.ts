// A disk of two megabytes, which can be filled. Only root can mount one.

import { mkdirSync, rmSync, writeSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";

export interface SmallDisk extends Disposable {
  readonly folder: string;
  /** Until nothing more can be written. */
  fill(): void;
  free(): void;
}

/** @returns undefined where it cannot be made */
export function mountSmallDisk(folder: string): SmallDisk | undefined {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", folder]);
  if (mounted.exitCode !== 0) return undefined;
  const filler = join(folder, "filler");
  return {
    folder,
    fill() {
      const file = openSync(filler, "a");
      try {
        for (let bytes = 64 * 1024; bytes >= 1;) {
          try {
            if (writeSync(file, Buffer.alloc(bytes)) < bytes) bytes = Math.floor(bytes / 2);
          } catch {
            // No room for so much: perhaps for less.
            bytes = Math.floor(bytes / 2);
          }
        }
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler, { force: true }),
    [Symbol.dispose]: () => void Bun.spawnSync(["umount", "--lazy", folder]),
  };
}

/** For the message of a test that is skipped. */
export const canMountDisk = process.platform === "linux" && process.getuid?.() === 0 && canMount();

function canMount(): boolean {
  const folder = `/tmp/qwen-gateway-mount-${process.pid}`;
  const disk = mountSmallDisk(folder);
  disk?.[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
  return disk !== undefined;
}
