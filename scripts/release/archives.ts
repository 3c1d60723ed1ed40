// Archives that are equal when their files are: no owner, one time, one order.

import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { packTar } from "modern-tar";

export interface ArchivedFile {
  /** Within the archive. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly isExecutable: boolean;
}

/** "fast" is for tests: half as small again in a tenth of the time. */
export type Packing = "small" | "fast";

export const gzipLevels = { small: 9, fast: 1 } as const satisfies Record<Packing, number>;

/** @param timeMs that all files get */
export async function packTarGz(files: readonly ArchivedFile[], timeMs: number, packing: Packing): Promise<Uint8Array> {
  const tar = await packTar(
    files.map(({ name, bytes, isExecutable }) => ({
      header: {
        name,
        size: bytes.byteLength,
        mode: isExecutable ? 0o755 : 0o644,
        mtime: new Date(timeMs),
        uid: 0,
        gid: 0,
        uname: "root",
        gname: "root",
        type: "file" as const,
      },
      body: bytes,
    })),
  );
  return gzipSync(tar, { level: gzipLevels[packing] });
}

/** For Windows, which has no modes. */
export function packZip(files: readonly ArchivedFile[], timeMs: number, packing: Packing): Uint8Array {
  // The format has the time of a wall clock without a zone: of UTC, whatever the zone of this machine is.
  const mtime = new Date(timeMs + new Date(timeMs).getTimezoneOffset() * 60_000);
  return zipSync(
    Object.fromEntries(files.map(({ name, bytes }) => [name, [bytes, { mtime, level: gzipLevels[packing] }]])),
  );
}
