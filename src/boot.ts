// The entry. The runtime reads its limit of 256 fetches in flight, the mode of the process, how its heap grows and how large a head
// may be only before it starts: so the program replaces itself once with them set (same process id, about 6 ms), and only then loads
// the rest. Secrets among its words leave the list of processes with that.

import { maxParsedHeadBytes } from "./server/access/head-sizes.ts";
import { builtInRuntimeVariables, runtimeVariables } from "./cli/runtime-variables.ts";
import { hiddenWordsVariable, maskWords, unmaskWords } from "./cli/hidden-words.ts";

// Defined in the compiled binary only, where the arguments begin without a script.
declare const BUILD_VERSION: string | undefined;

const { BUN_BE_BUN: _ignored, [hiddenWordsVariable]: hidden, ...environment } = process.env;
// Not for its children, nor for whoever asks it for its environment.
delete process.env[hiddenWordsVariable];
const compiled = typeof BUILD_VERSION === "string";

const defaults = compiled ? { ...runtimeVariables, ...builtInRuntimeVariables } : runtimeVariables;

const missing = Object.entries(defaults).filter(([name]) => !environment[name]);
// The executable has it built in (scripts/build.ts).
const headOption = "--max-http-header-size";
const missingOptions =
  compiled || process.execArgv.some((word) => word.startsWith(headOption))
    ? []
    : [`${headOption}=${maxParsedHeadBytes}`];
const words = process.argv.slice(2);
const unmasked = unmaskWords(words, hidden);
if (unmasked !== undefined) process.argv.splice(2, words.length, ...unmasked);
const shown = maskWords(words);
const hasSecrets = shown.some((word, index) => word !== words[index]);
if (missing.length > 0 || missingOptions.length > 0 || hasSecrets) {
  const program = compiled ? [] : [...process.execArgv, ...missingOptions, ...process.argv.slice(1, 2)];
  try {
    process.execve?.(process.execPath, [process.execPath, ...program, ...shown], {
      ...environment,
      ...Object.fromEntries(missing),
      ...(hasSecrets ? { [hiddenWordsVariable]: JSON.stringify(words) } : {}),
    });
  } catch {
    // Where a process cannot replace itself, the gateway works as it is: with at most 256 upstream requests at a time.
  }
}

// The same program reads a PDF for the gateway, in a process apart (documents/pdf-process.ts).
const [command, maxBytes] = process.argv.slice(2);
if (command === "read-pdf") {
  const { runPdfChild } = await import("./documents/pdf-child.ts");
  await runPdfChild(Number(maxBytes));
  process.exit(0);
}

await import("./main.ts");
