// The entry. The runtime reads its limit of 256 fetches in flight, the mode of the process, how its heap grows and how large a head
// may be only before it starts: so the program replaces itself once with them set (same process id, about 6 ms), and only then loads
// the rest. Secrets among its words leave the list of processes with that.

import { maxParsedHeadBytes } from "./server/head-sizes.ts";
import { hiddenWordsVariable, maskWords, unmaskWords } from "./cli/hidden-words.ts";

// Defined in the compiled binary only, where the arguments begin without a script.
declare const BUILD_VERSION: string | undefined;

const { BUN_BE_BUN: _ignored, [hiddenWordsVariable]: hidden, ...environment } = process.env;
// Not for its children, nor for whoever asks it for its environment.
delete process.env[hiddenWordsVariable];
const compiled = typeof BUILD_VERSION === "string";

const defaults: Readonly<Record<string, string>> = {
  BUN_CONFIG_MAX_HTTP_REQUESTS: "65336",
  NODE_ENV: "production",
  // From 16 GB of memory on, the runtime lets a heap grow to three times what lives before it collects, else to twice: 160
  // against 200 MB under 64 whole answers at a time, at the same CPU. No machine reaches this one. Only for the runtime that is
  // built in: one that does not know the name refuses to start.
  // The last tier of its compiler costs more CPU on its own threads than its code saves: a quarter of whole answers' CPU over
  // the first 6000 requests, a tenth over 40,000, and with nothing to show on the main thread afterwards.
  // A heap that is no larger than 16 MB is not let grow to 32 before it is collected: what it hands out again has not left the
  // processor's caches then, which takes 5 to 10 % off the CPU of short requests.
  ...(compiled
    ? {
        BUN_JSC_heapGrowthFunctionThresholdInMB: "1000000000",
        BUN_JSC_useFTLJIT: "0",
        BUN_JSC_largeHeapSize: String(16 * 1024 * 1024),
      }
    : {}),
};

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
