// Repairs that were found: those of a request for its next attempt, those of a model for every later request.

import type { ChatRequest } from "../../../contract/chat-request.ts";
import type { Repair } from "./body-repairs.ts";

export interface RepairMemory {
  known(request: ChatRequest, model: string): readonly Repair[];
  note(request: ChatRequest, model: string, repair: Repair): void;
}

/** Names of models come from clients. */
const maxModels = 256;
/** And so do words that a model does not know. */
const maxRepairsOfModel = 64;
const none: readonly Repair[] = [];

export function createRepairMemory(): RepairMemory {
  /** By the body, which all attempts share: a request is made anew for each that asks by another name of the model. */
  const byRequest = new WeakMap<ChatRequest["body"], Map<string, Map<string, Repair>>>();
  const byModel = new Map<string, Map<string, Repair>>();

  return {
    known(request, model) {
      const ofModel = byModel.get(model);
      const ofRequest = byRequest.get(request.body)?.get(model);
      if (ofModel === undefined && ofRequest === undefined) return none;
      // Those of the request in the order in which they helped: one may stand here twice, and changes nothing the second time.
      return [...(ofModel?.values() ?? none), ...(ofRequest?.values() ?? none)];
    },
    note(request, model, repair) {
      const ofRequest = byRequest.get(request.body) ?? new Map<string, Map<string, Repair>>();
      byRequest.set(request.body, ofRequest);
      ofRequest.set(model, (ofRequest.get(model) ?? new Map<string, Repair>()).set(repair.name, repair));
      if (!repair.isLasting) return;
      // Forgetting costs one refused request a model.
      if (byModel.size >= maxModels && !byModel.has(model)) byModel.clear();
      const ofModel = byModel.get(model) ?? new Map<string, Repair>();
      if (ofModel.size >= maxRepairsOfModel) ofModel.clear();
      byModel.set(model, ofModel.set(repair.name, repair));
    },
  };
}
