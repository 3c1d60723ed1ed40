// One question to a surface of a stage.

import type { Surface } from "../../../src/contract/surface.ts";
import { toolNames } from "./sample-replies.ts";
import type { SurfaceSamples } from "./surface-samples.ts";
import type { SurfaceStage } from "./surface-stage.ts";
import type { Lane, WireReply } from "./wire-replies.ts";

/** One of each upstream. */
export const models: Readonly<Record<Lane, string>> = { web: "qwen3-max", compatible: "qwen3.6-27b" };

/** Asks a surface, with tools where the reply will call any: without them answers of its own protocol are passed on. */
export function askSurface(
  surface: Surface,
  samples: SurfaceSamples,
  stage: SurfaceStage,
  asked: { readonly stream: boolean; readonly reply?: WireReply; readonly signal?: AbortSignal },
): Promise<Response> {
  const { stream, reply, signal } = asked;
  const tools = reply?.calls === undefined || samples.lacks.includes("tools") ? [] : toolNames;
  const body = samples.body({ text: "Hello", stream, model: models[stage.lane], tools });
  return stage.post(surface.routes[0]!.path, body, signal === undefined ? {} : { signal });
}
