// `bun scripts/build-page.ts [file]`: bundles the chat page into one packed file, which scripts/build.ts embeds, and prints
// what it weighs.

import { buildPage } from "../src/server/build-page.ts";

/** @returns how many bytes a browser loads, packed; what is loaded later on demand included */
export async function writePackedPage(path: string): Promise<number> {
  const files = await buildPage();
  await Bun.write(path, JSON.stringify(files));
  return files.reduce((sum, { gzip }) => sum + Uint8Array.fromBase64(gzip).byteLength, 0);
}

if (import.meta.main) {
  const files = await buildPage();
  for (const { path, gzip } of files) {
    const packed = Uint8Array.fromBase64(gzip);
    console.log(
      `${String(packed.byteLength).padStart(8)} gzip ${String(Bun.gunzipSync(packed).byteLength).padStart(8)}  ${path}`,
    );
  }
  const [target] = process.argv.slice(2);
  if (target !== undefined) await Bun.write(target, JSON.stringify(files));
}
