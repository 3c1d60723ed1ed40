// What each surface makes of each recording, streamed and whole, as one text a recording.

import { join } from "node:path";
import { type GoldenFixture, goldenTools } from "./golden-fixtures.ts";
import { renderStream, renderWhole } from "./render-answer.ts";
import { samplesByPath, type SurfaceSamples } from "../surface/surface-samples.ts";
import { playBytes, startSurfaceStage, type SurfaceStage } from "../surface/surface-stage.ts";

export const goldenFolder = join(import.meta.dir, "../../fixtures/golden");

export function goldenPath({ name }: GoldenFixture): string {
  return join(goldenFolder, `${name}.txt`);
}

export interface Golden {
  readonly text: string;
  /** What the checkers say of its answers: nothing, or where and what. */
  readonly problems: readonly string[];
}

/** 2026-11-20, in the words of a clock. */
const clock = (): number => 1_795_000_000_000;

export async function makeGolden(fixture: GoldenFixture): Promise<Golden> {
  const sections: string[] = [];
  const problems: string[] = [];
  for (const [path, samples] of Object.entries(samplesByPath())) {
    for (const stream of [true, false]) {
      // One each: an account or a server that was refused would be passed over.
      await using stage = await startSurfaceStage({ lane: fixture.lane, dialect: fixture.dialect, clock });
      const title = `${path}, ${stream ? "streamed" : "whole"}`;
      const answer = await ask(stage, fixture, path, samples, stream);
      sections.push(`== ${title}: ${answer.status}\n${answer.text}\n`);
      problems.push(...answer.problems.map((problem) => `${title}: ${problem}`));
    }
  }
  return { text: sections.join("\n"), problems };
}

interface GoldenAnswer extends Golden {
  readonly status: number;
}

async function ask(
  stage: SurfaceStage,
  { status, contentType, body, lane, usesTools }: GoldenFixture,
  path: string,
  samples: SurfaceSamples,
  stream: boolean,
): Promise<GoldenAnswer> {
  stage.play((request) =>
    contentType === "text/event-stream"
      ? playBytes(body)(request)
      : new Response(body, { status, headers: { "content-type": contentType } }),
  );
  const tools = usesTools && !samples.lacks.includes("tools") ? goldenTools : [];
  const model = lane === "web" ? "qwen3-max" : "qwen3.6-27b";
  const response = await stage.post(path, samples.body({ text: "Hello", stream, model, tools }));
  const text = await response.text();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (isStream) return { status: response.status, text: renderStream(text), problems: samples.checkStream(text) };
  const value: unknown = JSON.parse(text);
  const isError = response.status !== 200;
  const problems = isError ? samples.checkError(value, response.status) : samples.checkAnswer(value);
  return { status: response.status, text: renderWhole(text), problems };
}
