// qwen-gateway keys create: an API key, shown once.

import { accessSurfaces, type CallerLimits } from "../../contract/access.ts";
import { encodeKey } from "../../server/auth/encode-key.ts";
import type { KeyView, StoredKeys } from "../../server/auth/stored-keys.ts";
import { OutputError } from "../../telemetry/print-line.ts";
import { type Command, type CommandContext, type FlagValues, UsageError } from "../command.ts";
import { keyFlags, withKeys } from "./open-keys.ts";
import { parseLifetime } from "./parse-lifetime.ts";

const amountFlags = {
  rpm: "requestsPerMinute",
  tpm: "tokensPerMinute",
  "daily-tokens": "tokensPerDay",
  "daily-spend": "spendPerDay",
  streams: "streams",
} as const satisfies Readonly<Record<string, keyof CallerLimits>>;

export function createKeyCommand(): Command {
  return {
    name: "keys create",
    summary: "Makes an API key and prints it, this one time",
    example: "qwen-gateway keys create ann --models 'qwen3*' --rpm 60 --expires-in 30d",
    flags: [
      { name: "name", value: "NAME", description: "What the key is called" },
      { name: "models", value: "LIST", description: "Models that it may use, with * for anything (default: all)" },
      { name: "surfaces", value: "LIST", description: `What it may call: ${accessSurfaces.join(", ")} (default: all)` },
      { name: "upstreams", value: "LIST", description: "Upstreams that may serve it (default: all)" },
      { name: "admin", description: "It may also read metrics and use what stands below /admin" },
      {
        name: "expires-in",
        value: "TIME",
        description: "How long it lives, such as 12h or 30d (default: until revoked)",
      },
      { name: "rpm", value: "N", description: "Most requests within a minute" },
      { name: "tpm", value: "N", description: "Most tokens within a minute, read and written" },
      { name: "daily-tokens", value: "N", description: "Most tokens within a day, UTC" },
      { name: "daily-spend", value: "DOLLARS", description: "Most US dollars within a day, UTC, estimated" },
      { name: "streams", value: "N", description: "Most replies at a time" },
      { name: "json", description: "Print the key and what it is good for as one JSON document" },
      ...keyFlags(),
    ],
    operand: "name",
    notes:
      "The key is the one line on standard output; the gateway keeps its SHA-256 alone. A running gateway on the same data\n" +
      "directory takes it at once. A gateway that had no keys needs one from then on.",
    run: (flags, context) =>
      withKeys(flags, context, async (keys) => {
        const name = flags["name"];
        if (name === undefined) throw new UsageError("Cannot make a key: give it a name, such as: keys create ann");
        const { key, view } = await keys.create({
          name,
          models: listOf(flags["models"]),
          surfaces: listOf(flags["surfaces"]),
          upstreams: listOf(flags["upstreams"]),
          admin: flags["admin"] === "true",
          limits: limitsOf(flags),
          lifetimeMs: flags["expires-in"] === undefined ? undefined : parseLifetime(flags["expires-in"]),
        });
        const isJson = flags["json"] === "true";
        try {
          context.print(isJson ? JSON.stringify({ key, ...encodeKey(view) }) : key);
        } catch (error) {
          if (error instanceof OutputError) await takeBack(view, keys, context);
          throw error;
        }
        if (!isJson) context.complain(`Key "${view.name}", shown once. Take it back: ${revocation(view)}`);
        return 0;
      }),
  };
}

/** One that nobody has seen opens nothing for anybody, and would stand in the way of its repetition. */
async function takeBack(view: KeyView, keys: StoredKeys, context: CommandContext): Promise<void> {
  try {
    await keys.revoke(view.prefix);
    await keys.remove(view.prefix);
    context.complain(`Key "${view.name}" could not be shown, and was removed again`);
  } catch {
    // Why the key could not be shown is what is told in the end.
    context.complain(`Key "${view.name}" could not be shown. Take it back: ${revocation(view)}`);
  }
}

const revocation = ({ prefix }: KeyView): string => `qwen-gateway keys revoke ${prefix}`;

function listOf(text: string | undefined): readonly string[] | undefined {
  return text?.split(",").map((item) => item.trim());
}

function limitsOf(flags: FlagValues): CallerLimits {
  const limits: Partial<Record<keyof CallerLimits, number>> = {};
  for (const [flag, field] of Object.entries(amountFlags)) {
    const text = flags[flag];
    if (text === undefined) continue;
    const isMoney = field === "spendPerDay";
    const amount = Number(text);
    const form = isMoney ? /^\d{1,9}(?:\.\d{1,6})?$/ : /^\d{1,12}$/;
    if (!form.test(text) || amount <= 0) {
      throw new UsageError(
        `Cannot use --${flag}: it must be a ${isMoney ? "number of dollars" : "whole number"} above 0`,
      );
    }
    limits[field] = amount;
  }
  return limits;
}
