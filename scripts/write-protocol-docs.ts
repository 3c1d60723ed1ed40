// Writes the schemas of events into the documents of the protocols. Run it after one has changed.

import { join } from "node:path";
import { protocolDocuments, schemasAsMarkdown } from "./protocol-schemas.ts";

const root = join(import.meta.dir, "..");
for (const { path, schemas } of protocolDocuments) {
  const text = await Bun.file(join(root, path)).text();
  const [before, , after] = text.split(/<!-- \/?schemas -->\n?/);
  if (before === undefined || after === undefined) throw new Error(`${path} has no <!-- schemas --> marks`);
  await Bun.write(
    join(root, path),
    `${before}<!-- schemas -->\n\n${schemasAsMarkdown(schemas)}\n\n<!-- /schemas -->\n${after}`,
  );
  Bun.spawnSync([process.execPath, "fmt", "--no-script", join(root, path)], { stdio: ["ignore", "ignore", "inherit"] });
}
