// `QWEN_E2E=1 bun run e2e:real`: the four manual scenarios against the real service with your account, shown line by line;
// with the word `agent` those of the agent. Against something else: set QWEN_BASE_URL and QWEN_AUTH_URL. Exit code 0: all hold; 1: not all; 2: it refuses to run.

import { createAgentPlace, runAgentScenarios } from "./agent-scenarios.ts";
import { startRealGateway } from "./real-gateway.ts";
import { runScenarios, TurnFailed } from "./scenarios.ts";
import { createVerification } from "./verification.ts";

const environment = process.env;

function refuse(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

if (environment["QWEN_E2E"] !== "1") {
  refuse("Not run: it sends messages with your Qwen account. Say that you want that: QWEN_E2E=1 bun run e2e:real");
}
if (!environment["QWEN_TOKEN"] && !environment["QWEN_COOKIES"]) {
  refuse(
    "Not run: it needs your account in QWEN_COOKIES (better) or QWEN_TOKEN; docs/web-upstream.md says where to get them",
  );
}

async function untilEnter(sentence: string): Promise<void> {
  report.tell(sentence);
  for await (const _line of console) return;
}

const isAgent = process.argv.includes("agent");
const hasColours = environment["FORCE_COLOR"] ? true : process.stdout.isTTY === true && !environment["NO_COLOR"];
const report = createVerification((line) => console.log(line), hasColours);
const what = isAgent ? "some 15 short messages, each in a chat" : "about 6 short messages in 2 chats";
report.tell(`Against ${environment["QWEN_BASE_URL"] || "https://chat.qwen.ai"}: ${what}, deleted at the end`);
if (environment["QWEN_COOKIES"]?.includes("refresh_token=") && !environment["DATA_DIR"]) {
  report.tell("Qwen may exchange your refresh_token for a new one: name your gateway's DATA_DIR to keep it");
}

try {
  if (isAgent) {
    using place = createAgentPlace(environment["AGENT_FOLDER"]);
    await using gateway = await startRealGateway({ ...environment, ...place.environment });
    await runAgentScenarios(gateway, report, place.folder);
    if (process.stdin.isTTY) await untilEnter(`The same by hand, until Enter: ${gateway.url}/chat#/agent`);
  } else {
    await using gateway = await startRealGateway(environment);
    const sessions = await runScenarios(gateway, report, crypto.randomUUID().slice(0, 8));
    report.scenario("Afterwards");
    for (const id of sessions) {
      report.verify("the session and its chat are deleted", await gateway.deleteSession(id), id);
    }
  }
} catch (error) {
  if (!(error instanceof TurnFailed)) throw error;
  report.verify("the turn is answered", false, error.message);
}
report.close();
process.exit(report.failures === 0 ? 0 : 1);
