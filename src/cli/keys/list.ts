// qwen-gateway keys list: which API keys there are, and what they are good for. Shows none of them.

import { encodeKey } from "../../server/auth/encode-key.ts";
import type { KeyView } from "../../server/auth/stored-keys.ts";
import type { Command } from "../command.ts";
import { table } from "../table.ts";
import { keyFlags, withKeys } from "./open-keys.ts";

export function listKeysCommand(): Command {
  return {
    name: "keys list",
    summary: "Lists the API keys by their prefixes; the keys themselves are kept nowhere",
    example: "qwen-gateway keys list",
    flags: [{ name: "json", description: "Print one JSON document" }, ...keyFlags()],
    run: (flags, context) =>
      withKeys(flags, context, async (keys) => {
        const views = await keys.list();
        if (flags["json"] === "true") context.print(JSON.stringify(views.map(encodeKey)));
        else if (views.length === 0) context.print("No key yet. Make one: qwen-gateway keys create NAME");
        else
          for (const line of table([["PREFIX", "NAME", "STATE", "SCOPE", "LIMITS"], ...views.map(rowOf)]))
            context.print(line);
        return 0;
      }),
  };
}

function rowOf({ prefix, name, state, expiresAtMs, scopes, limits }: KeyView): string[] {
  const until = state === "active" && expiresAtMs !== undefined ? ` until ${dayOf(expiresAtMs)}` : "";
  const lists = [
    ["models", scopes.models],
    ["surfaces", scopes.surfaces],
    ["upstreams", scopes.upstreams],
  ] as const;
  const scope = [
    ...(scopes.admin ? ["admin"] : []),
    ...lists.flatMap(([kind, names]) => (names === undefined ? [] : [`${kind} ${names.join(",")}`])),
  ];
  return [prefix, name, `${state}${until}`, scope.length === 0 ? "all" : scope.join("; "), describeLimits(limits)];
}

function describeLimits(limits: KeyView["limits"]): string {
  const { requestsPerMinute, tokensPerMinute, tokensPerDay, spendPerDay, streams } = limits;
  const words = [
    requestsPerMinute === undefined ? [] : [`${requestsPerMinute} requests/min`],
    tokensPerMinute === undefined ? [] : [`${tokensPerMinute} tokens/min`],
    tokensPerDay === undefined ? [] : [`${tokensPerDay} tokens/day`],
    spendPerDay === undefined ? [] : [`$${spendPerDay}/day`],
    streams === undefined ? [] : [`${streams} streams`],
  ].flat();
  return words.length === 0 ? "none" : words.join(", ");
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}
