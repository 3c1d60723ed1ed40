// SHA256SUMS, as `sha256sum --check` reads it.

import { createReadStream, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

export const checksumsName = "SHA256SUMS";

/** Every file below the folder but itself, in the order of names. */
export async function writeChecksums(folder: string): Promise<string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name !== checksumsName && statSync(join(folder, name)).isFile())
    .sort();
  const lines: string[] = [];
  for (const name of names) lines.push(`${await sha256(join(folder, name))}  ${name}\n`);
  return lines.join("");
}

/** In hexadecimal. */
export async function sha256(path: string): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}
