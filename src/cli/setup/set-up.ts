// The steps of setup, one after the other: look, ask, try, show, write, tell what comes next.

import { loadConfig } from "../../config/load-config.ts";
import { createTcpClient } from "../../outbound/tcp-client.ts";
import { listConfiguredUpstreams } from "../../upstreams/openai-compatible/servers/configured-upstreams.ts";
import { dialects } from "../../upstreams/openai-compatible/dialects/index.ts";
import type { CommandContext, ExitCode, FlagValues } from "../command.ts";
import type { LineSource } from "../line-source.ts";
import { askForMore, describeModels, offerKey, offerServer, type Surroundings } from "./ask-choices.ts";
import { type Asker, createAsker } from "./asker.ts";
import { addressOf, type Choice, describeSettings } from "./choice.ts";
import { ChangedMeanwhileError, type ConfigFile, openConfigFile, writeConfigFile } from "./config-file.ts";
import { draftConfig, type Draft } from "./draft-config.ts";
import { findKeys } from "./find-keys.ts";
import { findServers, serverSettings } from "./find-servers.ts";
import { readWishes, type Wishes } from "./flags.ts";
import { nextSteps, shadowNotes } from "./next-steps.ts";
import { createShelf, type Shelf } from "./shelf.ts";
import { tryChoices } from "./try-choices.ts";

/** @param lines undefined: nothing is asked */
export async function setUp(
  flags: FlagValues,
  context: CommandContext,
  lines: LineSource | undefined,
): Promise<ExitCode> {
  const file = openConfigFile(flags["config"], context.environment);
  const wishes = await readWishes(flags, context);
  const ask = lines && createAsker(lines, context.print);
  const shelf = createShelf(file);
  const { wantsAccount } = await gather(wishes, shelf, context, ask);
  if (wantsAccount) for (const line of accountLines) context.print(line);
  if (shelf.choices.length === 0) return nothingChosen(context, wantsAccount, file);

  tellNotices(shelf.choices, context);
  const tried = wishes.isUntested
    ? { kept: shelf.choices.map(({ settings }) => settings), model: undefined, isRefused: false }
    : await tryChoices(shelf.choices, file, context, ask);
  if (tried.isRefused || tried.kept.length === 0) {
    context.complain(
      "Nothing was written: correct what failed and run it again, or write it all the same by --untested",
    );
    return 1;
  }
  const draft = draftConfig(file.text, tried.kept);
  const config = checked(file, draft, context);
  if (!(await write(file, draft, context, ask))) return 1;
  for (const line of [...shadowNotes(tried.kept, context.environment), ...nextSteps(file, config, tried.model)])
    context.print(line);
  return 0;
}

/** Whatever the flags name, then what is found, then what is asked for. */
async function gather(
  { given, lookAt }: Wishes,
  shelf: Shelf,
  context: CommandContext,
  ask: Asker | undefined,
): Promise<{ wantsAccount: boolean }> {
  const http = createTcpClient();
  try {
    for (const choice of given) shelf.add(choice);
    const around = ask && { ask, http, print: context.print, isTaken: shelf.isTaken };
    if (lookAt.length > 0) context.print("Looking for servers of yours and for keys in the environment");
    for (const server of await findServers(lookAt, http)) {
      if (shelf.hasAddress(server.baseUrl)) continue;
      const choice = around ? await offerServer(server, around) : takeServer(server, shelf, context);
      if (choice !== undefined) shelf.add(choice);
    }
    for (const choice of findKeys(context.environment)) {
      if (shelf.hasAddress(addressOf(choice.settings) ?? "") || isNamed(choice, given)) continue;
      if (around ? await offerKey(choice, around) : takeKey(choice, context)) shelf.add(choice);
    }
    return { wantsAccount: around !== undefined && (await askForAll(shelf, around)) };
  } finally {
    http.close();
  }
}

/** Who names a service by a flag means that key, and not another one that lies about. */
function isNamed({ settings }: Choice, given: readonly Choice[]): boolean {
  const serviceOf = (dialect = ""): string => dialect.replace(/-plans$/, "");
  return given.some((choice) => serviceOf(choice.settings.dialect) === serviceOf(settings.dialect));
}

function takeServer(server: Awaited<ReturnType<typeof findServers>>[number], shelf: Shelf, context: CommandContext) {
  const settings = serverSettings(server, shelf.isTaken);
  const title = describeSettings(settings);
  if (server.wantsKey) {
    context.print(`Left out: ${title} needs a key; give it with --upstream and --upstream-key`);
    return undefined;
  }
  context.print(`Found: ${title} (${describeModels(server.models)})`);
  return { settings, origin: "found" as const };
}

function takeKey({ settings, source }: Choice, context: CommandContext): true {
  context.print(`Found: ${describeSettings(settings)}, from ${source}; the key is copied into the file`);
  return true;
}

/** @returns whether an account on chat.qwen.ai is wanted */
async function askForAll(shelf: Shelf, around: Surroundings): Promise<boolean> {
  let wantsAccount = false;
  for (;;) {
    const more = await askForMore(around);
    if (more === "done") return wantsAccount;
    if (more === "account") wantsAccount = true;
    else shelf.add(more);
  }
}

const accountLines = [
  "Your account on chat.qwen.ai is kept encrypted, not in the file. Sign in there, copy the request `completions` as cURL in",
  "the Network tab of your browser's developer tools, and paste it into: qwen-gateway accounts add",
];

function nothingChosen(context: CommandContext, wantsAccount: boolean, file: ConfigFile): ExitCode {
  if (wantsAccount) return 0;
  const known = file.upstreams.map(({ name }) => name).join(", ");
  context.complain(
    known === ""
      ? "Nothing was written: no server was found and no key. Start one, such as Ollama, or name yours by --upstream NAME=URL or --dashscope-key"
      : `Nothing was written: the file has ${known} already, and nothing else was found or chosen`,
  );
  return 1;
}

/** Once, however many keys it holds for. */
function tellNotices(choices: readonly Choice[], context: CommandContext): void {
  const notices = choices.map(({ settings: { dialect } }) => dialect && dialects[dialect].notice);
  for (const notice of new Set(notices)) if (notice !== undefined) context.print(`Note: ${notice}`);
}

/** What `serve` will make of it. @throws {ConfigError} before anything is written */
function checked(file: ConfigFile, draft: Draft, context: CommandContext) {
  const { config } = loadConfig({
    environment: context.environment,
    flags: {},
    file: { path: file.path, text: draft.text },
  });
  listConfiguredUpstreams(config);
  return config;
}

/** @returns whether the file is as it should be */
async function write(
  file: ConfigFile,
  draft: Draft,
  context: CommandContext,
  ask: Asker | undefined,
): Promise<boolean> {
  if (draft.isUnchanged) {
    context.print(`${file.path} has these settings already`);
    return true;
  }
  context.print(file.text === undefined ? `${file.path} will be made:` : `${file.path} will change:`);
  for (const change of draft.changes) context.print(`  ${change}`);
  if (ask !== undefined && !(await ask.confirm("Write it?", "yes"))) {
    context.complain("Nothing was written");
    return false;
  }
  try {
    const { copy } = writeConfigFile(file, draft.text, draft.losesText ? "copy" : "no-copy", Date.now());
    context.print(`Written: ${file.path}, readable by you alone`);
    if (copy !== undefined) context.print(`As it was before: ${copy}`);
    return true;
  } catch (error) {
    if (!(error instanceof ChangedMeanwhileError)) throw error;
    context.complain("Nothing was written: somebody else has changed the file meanwhile; run it again");
    return false;
  }
}
