// /admin/api/accounts: the accounts of upstreams without their secrets; those of the Qwen web backend can be added, paused,
// tested and removed.

import { Type } from "typebox";
import type { AccountView } from "../../contract/upstream.ts";
import { isoTime } from "../iso-time.ts";
import { anyObject, json, jsonBody, type Operation } from "../openapi/operation.ts";
import type { AdminParts, AdminAccount } from "./admin-parts.ts";
import { type AdminRoute, bodyOf } from "./admin-route.ts";
import { count, nullable } from "./schemas.ts";

const accountView = Type.Object({
  upstream: Type.String(),
  id: Type.String(),
  alias: Type.String(),
  state: Type.Enum(["ready", "cooling-down", "needs-sign-in", "challenged", "paused"]),
  until: nullable(Type.String()),
  reason: nullable(Type.String()),
  open_replies: count,
  /** Null: a key of a server, which stands in the settings. */
  source: nullable(Type.Enum(["added", "settings"])),
  /** In words; of secrets the last signs at most. */
  credentials: nullable(Type.String()),
});

const newAccount = Type.Object({
  /** A token, a Cookie header, a request copied as cURL or fetch, headers line by line, or a HAR file. */
  credentials: Type.String({ minLength: 1 }),
  alias: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
});
const added = Type.Object({ account: accountView, is_new: Type.Boolean(), advice: Type.Array(Type.String()) });

const testQuestion = Type.Object({
  /** Also sent in a chat of its own, which is deleted afterwards. */
  message: Type.Optional(Type.String({ minLength: 1, maxLength: 2000 })),
});
const tested = Type.Object({
  id: Type.String(),
  passed: Type.Boolean(),
  steps: Type.Array(Type.Object({ name: Type.String(), passed: Type.Boolean(), told: Type.String() })),
});

export function accountRoutes(parts: AdminParts): readonly AdminRoute[] {
  const manager = () => parts.manageAccounts();

  return [
    {
      operation: {
        method: "GET",
        path: "/admin/api/accounts",
        tag: "admin",
        summary: "The accounts of all upstreams and their states, without secrets",
        answers: { 200: json("The accounts", Type.Object({ data: Type.Array(accountView) })) },
      },
      async answer() {
        const managed = await (await manager()).list();
        const ids = new Set(managed.map(({ id }) => id));
        const others = parts
          .upstreams()
          .filter(({ name }) => name !== parts.accountUpstream)
          .flatMap(({ name, accounts }) => (accounts?.() ?? []).map((view) => encode(name, view)));
        return Response.json({ data: [...managed.map(encodeOwn), ...others.filter(({ id }) => !ids.has(id))] });
      },
    },
    {
      operation: {
        method: "POST",
        path: "/admin/api/accounts",
        tag: "admin",
        summary: "Adds an account, or replaces its credentials, by what was copied out of a browser",
        body: jsonBody(newAccount, { credentials: "token=example-of-a-cookie", alias: "work" }),
        answers: { 200: json("The account, without its secrets", added) },
      },
      async answer(call) {
        const { credentials, alias } = bodyOf(call, newAccount);
        const { account, isNew, advice } = await (await manager()).add(credentials, alias);
        call.changed(isNew ? "an account was added" : "the credentials of an account were replaced", {
          account: account.alias,
        });
        return Response.json({ account: encodeOwn(account), is_new: isNew, advice });
      },
    },
    {
      operation: {
        method: "DELETE",
        path: "/admin/api/accounts/{id}",
        tag: "admin",
        summary: "Forgets an added account and its credentials",
        answers: { 200: json("It is gone", Type.Object({ id: Type.String(), deleted: Type.Literal(true) })) },
      },
      async answer(call) {
        const id = call.param("id");
        await (await manager()).remove(id);
        call.changed("an account was removed", { account: id });
        return Response.json({ id, deleted: true });
      },
    },
    {
      operation: act("pause", "No new requests for it until it is resumed, also after a restart"),
      async answer(call) {
        const account = await (await manager()).pause(call.param("id"));
        call.changed("an account was paused", { account: account.alias });
        return Response.json(encodeOwn(account));
      },
    },
    {
      operation: act("resume", "It serves again"),
      async answer(call) {
        const account = await (await manager()).resume(call.param("id"));
        call.changed("an account was resumed", { account: account.alias });
        return Response.json(encodeOwn(account));
      },
    },
    {
      operation: {
        method: "POST",
        path: "/admin/api/accounts/{id}/test",
        tag: "admin",
        summary: "Tests it step by step; one that passes is ready again, unless it is paused",
        body: jsonBody(testQuestion, {}),
        answers: { 200: json("The steps up to the first that failed", tested) },
      },
      async answer(call) {
        const { message } = bodyOf(call, testQuestion);
        const id = call.param("id");
        const steps = await (await manager()).test(id, message);
        const passed = steps.every((step) => step.passed);
        // One that passes may be ready again.
        call.changed("an account was tested", { account: id, passed });
        return Response.json({ id, passed, steps });
      },
    },
  ];

  function encodeOwn(account: AdminAccount) {
    return encode(parts.accountUpstream, account, account);
  }
}

function encode(upstream: string, view: AccountView, own?: Pick<AdminAccount, "source" | "credentials">) {
  return {
    upstream,
    id: view.id,
    alias: view.alias,
    state: view.state,
    until: isoTime(view.untilMs),
    reason: view.reason ?? null,
    open_replies: view.openReplies,
    source: own?.source ?? null,
    credentials: own?.credentials ?? null,
  };
}

function act(verb: string, summary: string): Operation {
  return {
    method: "POST",
    path: `/admin/api/accounts/{id}/${verb}`,
    tag: "admin",
    summary,
    body: jsonBody(anyObject, {}),
    answers: { 200: json("How it is now", accountView) },
  };
}
