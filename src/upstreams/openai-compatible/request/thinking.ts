// The thinking switch in every dialect's spelling. Pure.

import type { ChatRequest } from "../../../contract/chat-request.ts";
import { budgetOf, effortOf } from "../../../contract/reasoning-effort.ts";
import { isJsonObject, type Json } from "../../../contract/json.ts";
import type { Body, Dialect } from "../dialect.ts";
import { knownModel } from "../servers/known-models.ts";

/** Whether the client wants thoughts; undefined: it does not say. Fields go before efforts, efforts before budgets. */
export function thinkingOf({ reasoning }: ChatRequest): boolean | undefined {
  if (reasoning.enabled !== undefined) return reasoning.enabled;
  if (reasoning.effort !== undefined) return reasoning.effort !== "none";
  if (reasoning.budgetTokens !== undefined) return reasoning.budgetTokens > 0;
  return undefined;
}

interface ThinkingOptions {
  readonly dialect: Dialect;
  readonly model: string;
}

export function addThinking(body: Body, request: ChatRequest, options: ThinkingOptions): void {
  switch (options.dialect.request.thinkingSwitch) {
    case "enable_thinking":
      return addField(body, request, options);
    case "chat_template_kwargs":
      return addTemplateArguments(body, request, options);
    case "reasoning_effort":
      return addEffort(body, request, options);
    case "none":
      return;
  }
}

function addField(body: Body, request: ChatRequest, { dialect, model }: ThinkingOptions): void {
  const { request: rules } = dialect;
  const known = knownModel(model);
  for (const field of ["enable_thinking", "thinking_budget", "reasoning_effort"]) delete body[field];
  const wanted = thinkingOf(request) ?? (rules.saysThinkingAlways ? known?.thinksByDefault : undefined);
  const alwaysThinks = known?.alwaysThinks === true || rules.alwaysThinks?.test(model) === true;
  // A model that cannot help thinking refuses to be told not to.
  if (wanted === undefined || (alwaysThinks && !wanted)) return;
  body["enable_thinking"] = wanted;
  if (!wanted) return;
  const told = request.reasoning.budgetTokens;
  const effort = effortWord(request, dialect, model);
  // Models that know no efforts are told how much one is.
  const budget = told ?? (effort === undefined ? budgetOf(request.reasoning) : undefined);
  // One that gets both refuses: the number says more.
  if (budget !== undefined && budget > 0 && rules.budgetField !== undefined) body[rules.budgetField] = budget;
  else if (effort !== undefined && rules.effortModels?.test(model)) body["reasoning_effort"] = effort;
  const replays = request.messages.some((message) => message.role === "assistant" && message.reasoning !== undefined);
  // Else the thoughts that are sent back do not count.
  if (rules.preserveThinking && replays) body["preserve_thinking"] ??= true;
}

function addTemplateArguments(body: Body, request: ChatRequest, { dialect, model }: ThinkingOptions): void {
  const given = body["chat_template_kwargs"];
  const wanted = thinkingOf(request);
  // The client's own arguments, of whatever template, stay as they are.
  const kwargs: Body = isJsonObject(given) ? { ...(given as { [key: string]: Json }) } : {};
  if (wanted !== undefined) kwargs["enable_thinking"] = wanted;
  const effort = effortWord(request, dialect, model);
  if (wanted === true && effort !== undefined) kwargs["reasoning_effort"] ??= effort;
  if (Object.keys(kwargs).length > 0) body["chat_template_kwargs"] = kwargs;
  const { budgetField } = dialect.request;
  const budget = request.reasoning.budgetTokens;
  if (wanted !== false && budgetField !== undefined && budget !== undefined && budget > 0) body[budgetField] = budget;
}

function addEffort(body: Body, request: ChatRequest, { dialect, model }: ThinkingOptions): void {
  delete body["reasoning_effort"];
  const wanted = thinkingOf(request);
  if (wanted === undefined) return;
  const effort = effortOf(request.reasoning);
  const asked = effort === undefined ? request : { ...request, reasoning: { ...request.reasoning, effort } };
  const word = wanted ? (effortWord(asked, dialect, model) ?? "medium") : "none";
  body["reasoning_effort"] = word;
}

function effortWord({ reasoning }: ChatRequest, dialect: Dialect, model: string): string | undefined {
  const { efforts, effortModels } = dialect.request;
  if (efforts === undefined || reasoning.effort === undefined || reasoning.effort === "none") return undefined;
  return effortModels === undefined || effortModels.test(model) ? efforts[reasoning.effort] : undefined;
}
