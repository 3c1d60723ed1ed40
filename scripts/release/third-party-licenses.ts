// THIRD_PARTY_LICENSES: who wrote what is inside, and on which terms. A package whose terms nobody has read is an error.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { idOf, type ProductionPackage } from "./production-packages.ts";

/** Terms that have been read: all let the program be passed on with this file beside it. */
const knownLicenses: ReadonlySet<string> = new Set([
  "MIT",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "(MPL-2.0 OR Apache-2.0)",
]);

const line = "-".repeat(80);

/**
 * @param bunText what Bun says of itself and of what is linked into it
 * @throws {Error} that names every package without known terms, or without their text
 */
export function thirdPartyLicenses(
  packages: readonly ProductionPackage[],
  bunVersion: string,
  bunText: string,
): string {
  const problems: string[] = [];
  // Equal texts once, for all who have them.
  const holders = new Map<string, string[]>();
  for (const one of packages) {
    const { license } = one;
    const text = readLicense(one.folder);
    if (license === undefined) problems.push(`${idOf(one)} names no licence`);
    else if (!knownLicenses.has(license)) problems.push(`${idOf(one)} has ${JSON.stringify(license)}, unread so far`);
    else if (text === undefined) problems.push(`${idOf(one)} lacks the text of its licence`);
    else holders.set(text, [...(holders.get(text) ?? []), `${idOf(one)} (${license})`]);
  }
  if (problems.length > 0) throw new Error(`Cannot write THIRD_PARTY_LICENSES: ${problems.join("; ")}`);
  const sections = [...holders].map(([text, names]) => `${line}\n${names.join("\n")}\n${line}\n\n${text}\n`);
  return [
    "qwen-gateway is one executable of Bun's runtime and the packages below. Their terms:\n",
    `${line}\nBun ${bunVersion} (MIT), the runtime, by Oven (https://bun.com)\n${line}\n\n${mitGrant}\n\n${bunText.trim()}\n`,
    ...sections,
  ].join("\n");
}

/** What stands in bun-types of the licences of Bun and of the libraries in it. @throws {Error} when it is not there */
export function readBunLicense(root: string): string {
  const text = readFileSync(join(root, "node_modules/bun-types/docs/project/license.mdx"), "utf8");
  if (!text.includes("JavaScriptCore")) throw new Error("Cannot read the licence of Bun: bun-types has another text");
  return text.replace(/^---\n[\s\S]*?\n---\n/, "");
}

/** All that a package says of its terms: licence, notice, and where it has neither the section of its README. */
export function readLicense(folder: string): string | undefined {
  const names = readdirSync(folder).sort();
  const files = names.filter((name) =>
    /^(?:licen[cs]e|copying|notice|third.?party)[\w-]*(?:\.(?:md|txt))?$/i.test(name),
  );
  const texts = files.map((name) => readFileSync(join(folder, name), "utf8").trim()).filter((text) => text !== "");
  if (texts.length > 0) return texts.join("\n\n").replaceAll("\r\n", "\n");
  const readme = names.find((name) => /^readme\.md$/i.test(name));
  if (readme === undefined) return undefined;
  const section = /^#+ Licen[cs]e\s*\n([\s\S]*?)(?=^#+ |(?![\s\S]))/im.exec(readFileSync(join(folder, readme), "utf8"));
  const text = section?.[1]?.trim() ?? "";
  // A word such as "MIT" is no grant.
  return /permission|redistribution/i.test(text) ? text : undefined;
}

const mitGrant = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR
IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
