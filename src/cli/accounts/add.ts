// qwen-gateway accounts add: takes what was copied out of a browser, and keeps it encrypted.

import { readFileSync } from "node:fs";
import { type Account, type CapturedCredentials, canRefresh, isAccessToken } from "../../credentials/account.ts";
import { capture, CaptureError } from "../../credentials/capture.ts";
import type { VaultEntry } from "../../credentials/account-vault.ts";
import { parseAccount } from "../../upstreams/qwen-web/parse-account.ts";
import { type Command, type CommandContext, type FlagValues, UsageError } from "../command.ts";
import { describeCredentials } from "./describe-account.ts";
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
      withAccounts(flags, context, async ({ config, accounts, vault, list }) => {
        const captured = await readCredentials(flags, context, new URL(config.qwenBaseUrl).host);
        const unnamed = parseAccount(captured);
        const entries = await vault.list();
        const before = entries.find(({ id }) => id === unnamed.id);
        const locked = entries.find(({ id, kept }) => kept === "locked" && id !== unnamed.id);
        if (locked !== undefined) {
          const advice =
            "give this command the MASTER_KEY or the DATA_DIR that the gateway has, or remove that account";
          context.complain(`Cannot add an account: "${locked.alias}" was sealed with another key; ${advice}`);
          return 1;
        }
        const alias = chooseAlias(flags["alias"], before, unnamed);
        if (list().some((known) => known.alias === alias && known.id !== unnamed.id)) {
          throw new UsageError(`Cannot use the alias ${JSON.stringify(alias)}: another account has it`);
        }
        const account = { ...unnamed, alias };
        const kept = before?.kept === "locked" ? undefined : before?.kept;
        await vault.put({ account, added: true, configured: kept?.configured }, before?.aside);
        await accounts.load();
        const verb = before?.kept === undefined ? "Added" : "Replaced";
        context.print(`${verb} account "${alias}" (${account.id}): ${describeCredentials(account, Date.now())}`);
        for (const line of adviceFor(account)) context.print(line);
        context.print(`Try it: qwen-gateway accounts test ${/^[\w.-]+$/.test(alias) ? alias : account.id}`);
        return 0;
      }),
  };
}

function chooseAlias(given: string | undefined, before: VaultEntry | undefined, account: Account): string {
  if (given === undefined) return before?.alias || account.alias;
  const alias = given.trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what must not be in it
  if (alias !== "" && alias.length <= 64 && !/[\x00-\x1f\x7f]/.test(alias)) return alias;
  throw new UsageError("Cannot use --alias: it must be a text of 1 to 64 characters");
}

async function readCredentials(flags: FlagValues, context: CommandContext, host: string): Promise<CapturedCredentials> {
  const { token, cookie, file } = flags;
  try {
    if (token !== undefined || cookie !== undefined) {
      if (file !== undefined) throw new UsageError("Cannot use --file together with --cookie or --token");
      const parts = [token, cookie].filter((part) => part !== undefined).map((part) => capture(part, { host }));
      return { token: parts.find((part) => part.token)?.token, cookies: parts.find((part) => part.cookies)?.cookies };
    }
    return capture(file === undefined ? await context.readInput(prompt) : readFileSync(file, "utf8"), { host });
  } catch (error) {
    if (error instanceof CaptureError) throw new UsageError(error.message);
    if (error instanceof Error && "code" in error && file !== undefined) {
      throw new UsageError(`Cannot read the file ${JSON.stringify(file)}: ${error.code}`);
    }
    throw error;
  }
}

function adviceFor(account: Account): string[] {
  if (account.token === undefined || !isAccessToken(account.token) || canRefresh(account)) return [];
  return [
    "This token lives for minutes, and without the cookie refresh_token it cannot be renewed: copy the whole request or its Cookie header instead.",
  ];
}
