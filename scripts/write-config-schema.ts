// Writes schema/config.schema.json from the one schema in src/config. Run it after a setting has changed.

import { join } from "node:path";
import { configJsonSchema } from "../src/config/config-json-schema.ts";

const path = join(import.meta.dir, "..", "schema", "config.schema.json");
await Bun.write(path, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
Bun.spawnSync([process.execPath, "fmt", "--no-script", path], { stdio: ["ignore", "ignore", "inherit"] });
