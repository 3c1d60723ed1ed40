// `bun run test:streaming-fix`: the official client streams the numbers from 1 to 100 through a gateway, and none may be
// missing. Its own gateways in front of emulated servers, or, with GATEWAY_URL (and GATEWAY_API_KEY, MODEL), one that runs.

import { compatibleDialects } from "../../src/emulator/openai-compatible-emulator.ts";
import { startDialectStage } from "../support/dialect-stage.ts";
import { startHarness } from "../support/harness.ts";
import { countUp, type CountUpOptions } from "./count-up.ts";

const last = 100;
let failures = 0;

async function check(name: string, options: Omit<CountUpOptions, "last">): Promise<void> {
  const { problem, chunks } = await countUp({ ...options, last }).catch((error: unknown) => ({
    problem: String(error),
    chunks: 0,
  }));
  if (problem !== "") failures++;
  console.log(`${problem === "" ? "ok" : "FAILED"}  ${name}: ${problem || `1 to ${last} in ${chunks} chunks`}`);
}

const { GATEWAY_URL: url, GATEWAY_API_KEY: apiKey = "none", MODEL: model } = process.env;
if (url !== undefined && url !== "") {
  await check(url, { baseUrl: `${url.replace(/\/+(?:v1\/*)?$/, "")}/v1`, apiKey, model });
} else {
  await using harness = await startHarness();
  await check("qwen-web", { baseUrl: `${harness.url}/v1`, apiKey, model: "qwen3-max" });
  for (const dialect of compatibleDialects()) {
    await using stage = await startDialectStage({ dialect });
    await check(dialect, { baseUrl: `${stage.harness.url}/v1`, apiKey, model: undefined });
  }
}
process.exit(failures === 0 ? 0 : 1);
