// qwen-gateway accounts remove: forgets an account and its credentials.

import { type Command, UsageError } from "../command.ts";
import { accountFlags, withAccounts } from "./open-accounts.ts";

export function removeCommand(): Command {
  return {
    name: "accounts remove",
    summary: "Forgets an account; its conversations go on with another one",
    example: "qwen-gateway accounts remove work",
    flags: [{ name: "account", value: "ACCOUNT", description: "Its alias or id" }, ...accountFlags()],
    operand: "account",
    run: (flags, context) =>
      withAccounts(flags, context, async ({ vault, find }) => {
        const name = flags["account"];
        if (name === undefined) throw new UsageError("Cannot remove an account: name it by its alias or id");
        const { id, alias, added } = find(name);
        if (!added) {
          context.complain(`Cannot remove account "${alias}": it comes from the settings, remove it there`);
          return 1;
        }
        await vault.remove(id);
        context.print(`Removed account "${alias}" (${id})`);
        return 0;
      }),
  };
}
