// `bun scripts/build-page.ts`: bundles the gateway's pages, each into one packed file, which scripts/build.ts embeds, and prints
// what they weigh.

import { join } from "node:path";
import { buildPage, pageSources } from "../src/server/pages/build-page.ts";

/** @returns the paths of the packed files, which are named as the executable knows them */
export async function writePackedPages(folder: string): Promise<string[]> {
  return Promise.all(
    pageSources.map(async (sources) => {
      const path = join(folder, sources.page.packedName);
      await Bun.write(path, JSON.stringify(await buildPage(sources)));
      return path;
    }),
  );
}

if (import.meta.main) {
  for (const sources of pageSources) {
    const files = (await buildPage(sources)).map(({ path, gzip }) => ({ path, packed: Uint8Array.fromBase64(gzip) }));
    const sum = files.reduce((total, { packed }) => total + packed.byteLength, 0);
    console.log(`${sources.page.name}: ${sum} bytes gzip`);
    for (const { path, packed } of files) {
      const plainBytes = Bun.gunzipSync(packed).byteLength;
      console.log(`${String(packed.byteLength).padStart(8)} gzip ${String(plainBytes).padStart(8)}  ${path}`);
    }
  }
}
