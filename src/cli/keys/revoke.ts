// qwen-gateway keys revoke, keys remove: takes a key back; forgets one that counts no more.

import type { Command } from "../command.ts";
import { keyFlags, keyNamedBy, withKeys } from "./open-keys.ts";

const keyFlag = { name: "key", value: "KEY", description: "Its prefix or its name" };

export function revokeKeyCommand(): Command {
  return {
    name: "keys revoke",
    summary: "Revokes a key: a running gateway refuses the next request with it",
    example: "qwen-gateway keys revoke ann",
    flags: [keyFlag, ...keyFlags()],
    operand: "key",
    run: (flags, context) =>
      withKeys(flags, context, async (keys) => {
        const { prefix, name } = await keys.revoke(keyNamedBy(flags, "revoke"));
        context.print(`Revoked key "${name}" (${prefix})`);
        return 0;
      }),
  };
}

export function removeKeyCommand(): Command {
  return {
    name: "keys remove",
    summary: "Forgets a key that was revoked or has expired",
    example: "qwen-gateway keys remove qg-k3v9x2mp",
    flags: [keyFlag, ...keyFlags()],
    operand: "key",
    notes: "When no key is left, a gateway that is started then needs none.",
    run: (flags, context) =>
      withKeys(flags, context, async (keys) => {
        const { prefix, name } = await keys.remove(keyNamedBy(flags, "remove"));
        context.print(`Removed key "${name}" (${prefix})`);
        return 0;
      }),
  };
}
