// What a caller's key holds him to: which of the candidates may be asked for him, and what his reply is counted against.

import { type Access, isAllowed, modelOutOfScope, type Scopes } from "../../contract/access.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { Admission } from "../queues/admission.ts";
import type { ListScope } from "./model-catalog.ts";
import type { Candidate } from "./model-routes.ts";
import type { Question, Quotas, Spending } from "../quotas/quotas.ts";

/**
 * @param asked undefined: `defaultModel` is meant where the upstream does not say more
 * @throws {GatewayError} `model-not-found`, `forbidden` when nobody is left
 */
export function candidatesInScope(
  candidates: readonly Candidate[],
  scopes: Scopes,
  asked: string | undefined,
  defaultModel: string | undefined,
): readonly Candidate[] {
  const { models, upstreams } = scopes;
  if (models === undefined && upstreams === undefined) return candidates;
  const allowed = candidates.filter((candidate) => isInScope(candidate, scopes, asked, defaultModel));
  if (allowed.length > 0) return allowed;
  if (candidates.some(({ upstream }) => isAllowed(upstreams, upstream.name))) throw modelOutOfScope();
  throw new GatewayError("forbidden", "Cannot use this upstream: the scope of this key does not include it", {
    param: "model",
  });
}

/** A model is allowed by the name that the client wrote, by its upstream's own, or by both with the upstream in front. */
export function isInScope(
  { upstream, model }: Candidate,
  { models, upstreams }: Scopes,
  asked: string | undefined,
  defaultModel: string | undefined,
): boolean {
  if (!isAllowed(upstreams, upstream.name)) return false;
  const own = model ?? asked ?? defaultModel;
  const names = own === undefined ? [] : [own, `${upstream.name}/${own}`];
  return isAllowed(models, ...(asked === undefined ? [] : [asked]), ...names);
}

/** The same for lists. */
export function listScope({ models, upstreams }: Scopes): ListScope {
  return {
    mayAsk: ({ name }) => isAllowed(upstreams, name),
    mayUse: ({ name }, id) => isAllowed(models, id, `${name}/${id}`),
  };
}

/** A place for a reply, in all and of its caller. @throws {GatewayError} `overloaded` */
export function enterPlace(
  admission: Admission,
  quotas: Quotas | undefined,
  { caller, access }: { readonly caller: string; readonly access?: Access | undefined },
): () => void {
  const leave = admission.enter();
  // Where something is limited, its spending counts it.
  if (quotas === undefined || access?.quota !== undefined) return leave;
  const depart = quotas.attend(caller);
  return () => {
    leave();
    depart();
  };
}

/** Undefined: nothing of it is counted, and nothing has to be waited for. @throws {GatewayError} `rate-limited` */
export function beginSpending(
  quotas: Quotas | undefined,
  access: Access | undefined,
  question: Question,
): Promise<Spending> | undefined {
  return access?.quota === undefined ? undefined : quotas?.begin(access.quota, question);
}
