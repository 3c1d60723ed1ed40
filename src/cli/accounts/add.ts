// qwen-gateway accounts add: takes what was copied out of a browser, and keeps it encrypted.

import type { GivenCredentials } from "../../credentials/account.ts";
import { fileReasonOf } from "../../contract/thrown.ts";
import { CredentialsError, parseCredentials } from "../../credentials/parse-credentials.ts";
import { describeCredentials } from "../../credentials/describe-credentials.ts";
import { type AddRefusal, addAccount } from "../../upstreams/qwen-web/accounts/add-account.ts";
import { type Command, type CommandContext, type FlagValues, UsageError } from "../command.ts";
import { accountFlags, withAccounts } from "./open-accounts.ts";

const prompt = `Paste one of these, then press Enter and Ctrl-D (Windows: Ctrl-Z, Enter):
  a request to chat.qwen.ai copied "as cURL" in the Network tab (best: it has every header),
  the value of its Cookie header, a token, or the text of a HAR file.`;

export function addCommand(): Command {
  return {
    name: "accounts add",
    summary: "Adds an account of yours, or replaces its credentials by newer ones",
    example: "qwen-gateway accounts add --alias work < request.txt",
    flags: [
      { name: "alias", value: "NAME", description: "What lists and logs call it" },
      { name: "file", value: "FILE", description: "Read a HAR file or a copied request from here" },
      { name: "cookie", value: "TEXT", description: "A whole Cookie header" },
      { name: "token", value: "TEXT", description: "A bearer token; newer ones live for 15 minutes only" },
      ...accountFlags(),
    ],
    notes:
      "Without --file, --cookie and --token it reads standard input: a request copied as cURL or fetch, a Cookie header,\n" +
      "a token, headers line by line, or a HAR file. Prefer that: other users of this machine can see flags.\n" +
      "A running gateway takes the account within a second.",
    run: (flags, context) =>
      withAccounts(flags, context, async ({ config, accounts, vault }) => {
        const given = await readCredentials(flags, context, new URL(config.qwenBaseUrl).host);
        const outcome = await addAccount({ accounts, vault }, given, flags["alias"]);
        if ("reason" in outcome) {
          if (outcome.reason !== "locked") throw new UsageError(describeRefusal(outcome));
          context.complain(describeRefusal(outcome));
          return 1;
        }
        const { account, isNew, advice } = outcome;
        const { alias, id } = account;
        context.print(
          `${isNew ? "Added" : "Replaced"} account "${alias}" (${id}): ${describeCredentials(account, Date.now())}`,
        );
        for (const line of advice) context.print(line);
        context.print(`Try it: qwen-gateway accounts test ${/^[\w.-]+$/.test(alias) ? alias : id}`);
        return 0;
      }),
  };
}

function describeRefusal(refusal: AddRefusal): string {
  switch (refusal.reason) {
    case "alias-form":
      return "Cannot use --alias: it must be a text of 1 to 64 characters";
    case "alias-taken":
      return `Cannot use the alias ${JSON.stringify(refusal.alias)}: another account has it`;
    case "locked":
      return (
        `Cannot add an account: "${refusal.alias}" was sealed with another key; ` +
        "give this command the MASTER_KEY or the DATA_DIR that the gateway has, or remove that account"
      );
    default:
      return refusal satisfies never;
  }
}

async function readCredentials(flags: FlagValues, context: CommandContext, host: string): Promise<GivenCredentials> {
  const { token, cookie, file } = flags;
  try {
    if (token !== undefined || cookie !== undefined) {
      if (file !== undefined) throw new UsageError("Cannot use --file together with --cookie or --token");
      const parts = [token, cookie]
        .filter((part) => part !== undefined)
        .map((part) => parseCredentials(part, { host }));
      return { token: parts.find((part) => part.token)?.token, cookies: parts.find((part) => part.cookies)?.cookies };
    }
    // Which reads UTF-16 as well: PowerShell on Windows writes it.
    const text = file === undefined ? await context.readInput(prompt) : await Bun.file(file).text();
    return parseCredentials(text, { host });
  } catch (error) {
    if (error instanceof CredentialsError) throw new UsageError(error.message);
    if (error instanceof Error && "code" in error && file !== undefined) {
      throw new UsageError(`Cannot read the file ${JSON.stringify(file)}: ${fileReasonOf(error) ?? error.code}`);
    }
    throw error;
  }
}
