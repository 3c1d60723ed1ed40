// /admin/api/history: the exchanges of all callers, where they are kept. What a caller sees of his own is /v1/history.

import { type TSchema, Type } from "typebox";
import { GatewayError } from "../../contract/gateway-error.ts";
import { queryOf } from "../trip.ts";
import { createHistoryAnswers, type HistoryQuestion } from "../history/history-answers.ts";
import { exchange, historyFilter, historyPage } from "../openapi/kept-operations.ts";
import { json, type Parameter, query } from "../openapi/operation.ts";
import type { AdminParts } from "./admin-parts.ts";
import type { AdminCall, AdminRoute } from "./admin-route.ts";
import { nullable } from "./schemas.ts";

const maxCallerChars = 300;

const ofCaller = Type.Object({ ...exchange.properties, caller: Type.String() });
const filter: Readonly<Record<string, Parameter>> = {
  caller: query(Type.String(), "Only his"),
  ...historyFilter,
};

export function historyRoutes({ history, edge, log }: AdminParts): readonly AdminRoute[] {
  // Made with the first request: describing the routes touches nothing of what they serve.
  let made: ReturnType<typeof createHistoryAnswers> | undefined;
  const answers = () => {
    made ??= createHistoryAnswers({ ...history, ...edge, log, describe: ({ caller }) => ({ caller }) });
    return made;
  };

  return [
    {
      operation: {
        method: "GET",
        path: "/admin/api/history",
        tag: "admin",
        summary: "The exchanges of all callers, where they are kept",
        parameters: { ...historyPage, ...filter },
        answers: { 200: json("The exchanges", listOf(ofCaller)) },
      },
      answer: (call) => answers().list(questionOf(call), {}),
    },
    {
      operation: {
        method: "DELETE",
        path: "/admin/api/history",
        tag: "admin",
        summary: "Forgets those that a filter finds, or all of everybody",
        parameters: {
          ...filter,
          all: query(Type.Literal("true"), "Wanted where there is no other filter than a caller"),
        },
        answers: {
          200: json("They are gone", Type.Object({ object: Type.Literal("history.deleted"), deleted: Type.Integer() })),
        },
      },
      async answer(call) {
        const question = questionOf(call);
        const { deleted, response } = await answers().removeAll(question);
        call.changed("exchanges of the history were deleted", { deleted, caller: question.scope });
        return response;
      },
    },
    {
      operation: {
        method: "GET",
        path: "/admin/api/history/export",
        tag: "admin",
        summary: "All that a filter finds with what was said, an exchange a line",
        parameters: filter,
        answers: { 200: { description: "Oldest first", content: { "application/x-ndjson": Type.String() } } },
      },
      answer: (call) => answers().export(questionOf(call)),
    },
    {
      operation: {
        method: "GET",
        path: "/admin/api/history/{id}",
        tag: "admin",
        summary: "One exchange with what was said, where that is kept",
        answers: { 200: json("The exchange", ofCaller) },
      },
      answer: (call) => answers().read(undefined, call.param("id")),
    },
    {
      operation: {
        method: "DELETE",
        path: "/admin/api/history/{id}",
        tag: "admin",
        summary: "Forgets one exchange",
        answers: { 200: json("It is gone", Type.Object({ id: Type.String(), deleted: Type.Literal(true) })) },
      },
      async answer(call) {
        const id = call.param("id");
        const response = await answers().remove(undefined, id);
        call.changed("an exchange of the history was deleted", { exchange: id });
        return response;
      },
    },
  ];
}

/** @throws {GatewayError} `invalid-request` */
function questionOf({ trip: { request } }: AdminCall): HistoryQuestion {
  const searchParams = queryOf(request);
  const callers = searchParams.getAll("caller");
  searchParams.delete("caller");
  const [scope] = callers;
  if (callers.length > 1 || scope === "" || (scope?.length ?? 0) > maxCallerChars) {
    throw new GatewayError(
      "invalid-request",
      `Cannot read "caller" of the question to the history: it must stand there once, with 1 to ${maxCallerChars} characters`,
      { param: "caller" },
    );
  }
  return { request, scope, query: searchParams };
}

function listOf(item: TSchema) {
  return Type.Object({
    object: Type.Literal("list"),
    data: Type.Array(item),
    first_id: nullable(Type.String()),
    last_id: nullable(Type.String()),
    has_more: Type.Boolean(),
    next: nullable(Type.String()),
  });
}
