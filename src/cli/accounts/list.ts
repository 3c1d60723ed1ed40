// qwen-gateway accounts list: which accounts there are and how they are. Shows no secret.

import type { Command } from "../command.ts";
import { describeCredentials } from "../../credentials/describe-credentials.ts";
import { describeState } from "./describe-account.ts";
import { table } from "../table.ts";
import { accountFlags, withAccounts } from "./open-accounts.ts";

export function listCommand(): Command {
  return {
    name: "accounts list",
    summary: "Lists the accounts with their states; secrets are not shown",
    example: "qwen-gateway accounts list",
    flags: accountFlags(),
    run: (flags, context) =>
      withAccounts(flags, context, async ({ accounts, list }) => {
        const views = new Map(accounts.pool.views().map((view) => [view.id, view]));
        const nowMs = Date.now();
        const rows = list().map((known) => {
          const view = views.get(known.id);
          const source = known.added ? "added" : "settings";
          const state = view === undefined ? "" : describeState(view, nowMs);
          return [known.alias, known.id, source, describeCredentials(known.account, nowMs), state];
        });
        if (rows.length === 0) context.print("No account yet. Add one: qwen-gateway accounts add");
        else for (const line of table([["ALIAS", "ID", "FROM", "CREDENTIALS", "STATE"], ...rows])) context.print(line);
        return 0;
      }),
  };
}
