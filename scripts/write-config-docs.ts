// Writes the table of settings into docs/configuration.md. Run it after a setting has changed.

import { join } from "node:path";
import { configTable } from "./config-table.ts";

const path = join(import.meta.dir, "..", "docs", "configuration.md");
const text = await Bun.file(path).text();
const [before, , after] = text.split(/<!-- \/?settings -->\n?/);
if (before === undefined || after === undefined) throw new Error(`${path} has no <!-- settings --> marks`);
await Bun.write(path, `${before}<!-- settings -->\n\n${configTable()}\n\n<!-- /settings -->\n${after}`);
Bun.spawnSync([process.execPath, "fmt", "--no-script", path], { stdio: ["ignore", "ignore", "inherit"] });
