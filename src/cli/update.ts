// qwen-gateway update: whether there is a newer version, asked of npm's registry because somebody wants to know. Nothing else in
// the program asks, and nothing is installed.

import { version } from "../config/version.ts";
import { codeOf, isTimeout, reasonOf } from "../contract/thrown.ts";
import { describeFailure } from "../outbound/http-client.ts";
import { type Command, type CommandContext, UsageError } from "./command.ts";

const timeLimitMs = 10_000;
/** The registry's answer about one version is a few KB. */
const maxBodyBytes = 1 << 20;
const defaultRegistry = "https://registry.npmjs.org";

export const updateCommand: Command = {
  name: "update",
  summary: "Asks npm's registry whether there is a newer version, and says so; it installs nothing",
  example: "qwen-gateway update",
  notes:
    "It sends the name of the package, nothing of you, and only now: the gateway never asks by itself.\n" +
    "Ends with 0 when it could find out, with 1 when not.",
  flags: [
    {
      name: "registry",
      value: "URL",
      description: `Another registry (default: npm_config_registry of the environment, else ${defaultRegistry})`,
    },
  ],
  async run(flags, context) {
    const address = packageAddress(flags["registry"] ?? registryOf(context));
    try {
      context.print(describeUpdate(version, await askNewestVersion(address)));
      return 0;
    } catch (error) {
      context.complain(`Cannot find out the newest version: ${address.origin} ${reasonOf(error)}. This is ${version}`);
      return 1;
    }
  },
};

/** What a user of `running` is told. */
export function describeUpdate(running: string, newest: string): string {
  const order = Bun.semver.order(newest, running);
  if (order === 0) return `This is qwen-gateway ${running}, the newest version`;
  if (order < 0) return `This is qwen-gateway ${running}, newer than ${newest}, which is the newest published version`;
  return [
    `There is qwen-gateway ${newest}; this is ${running}`,
    "Get it as you got this one:",
    "  npm        npm install --global qwen-gateway@latest",
    "  Homebrew   brew upgrade qwen-gateway",
    "  Debian     the new .deb, by apt install ./qwen-gateway_....deb",
    "  a file     the new archive in the place of this one, then restart",
  ].join("\n");
}

function registryOf({ environment }: CommandContext): string {
  return environment["npm_config_registry"] || defaultRegistry;
}

/** @throws {UsageError} when it is no address; its text is not repeated, since it may hold a password */
function packageAddress(registry: string): URL {
  const url = URL.canParse(registry) ? new URL(registry) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new UsageError("Cannot use the registry: it must be an http:// or https:// address without a password");
  }
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/qwen-gateway/latest`;
  url.search = "";
  url.hash = "";
  return url;
}

/** @throws {Error} whose message goes on behind the registry's address */
async function askNewestVersion(address: URL): Promise<string> {
  const signal = AbortSignal.timeout(timeLimitMs);
  let response: Response;
  try {
    response = await fetch(address, { signal, headers: { accept: "application/json" }, redirect: "error" });
  } catch (error) {
    throw new Error(`cannot be reached: ${failureOf(error)}`, { cause: error });
  }
  if (response.status === 404) throw new Error("has no package qwen-gateway");
  if (!response.ok) throw new Error(`answered ${response.status}`);
  let text: string;
  try {
    text = await readText(response);
  } catch (error) {
    throw new Error(`broke off: ${failureOf(error)}`, { cause: error });
  }
  const newest = versionOf(text);
  if (newest === undefined) throw new Error("answered something other than a version");
  return newest;
}

function failureOf(error: unknown): string {
  if (isTimeout(error)) return `no answer within ${timeLimitMs / 1000} s`;
  const code = codeOf(error);
  // The runtime's own sentence is one for programmers.
  if (code === "UnexpectedRedirect") return "it leads elsewhere";
  return code === "" && error instanceof Error ? error.message : describeFailure(code);
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBodyBytes) throw new Error("its answer is too long");
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** Undefined: it says none. It goes to a terminal, so that nothing else may stand in it. */
function versionOf(text: string): string | undefined {
  try {
    const { version: newest }: { version?: unknown } = JSON.parse(text);
    const isVersion = typeof newest === "string" && /^\d{1,6}\.\d{1,6}\.\d{1,6}(?:-[0-9A-Za-z.-]{1,40})?$/.test(newest);
    return isVersion ? newest : undefined;
  } catch {
    return undefined;
  }
}
