// The doctor of the compiled executable, beside a gateway that runs on the same files.

import { expect, setDefaultTimeout, test } from "bun:test";
import { runBinary } from "../support/binary.ts";
import { ask, startStage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

test("doctor finds nothing wrong beside a running gateway, and disturbs none of its conversations", async () => {
  await using stage = await startStage();
  const messages = [{ role: "user" as const, content: "My name is Ada." }];
  const answer = await ask(stage.client, messages, { stream: true });
  const environment = {
    QWEN_TOKEN: "test-token",
    QWEN_BASE_URL: stage.emulator.url,
    QWEN_AUTH_URL: stage.emulator.url,
  };
  const { exitCode, output, errors } = await runBinary(["doctor"], environment, stage.place);
  const history = [...messages, { role: "assistant" as const, content: answer }];
  const next = await ask(stage.client, [...history, { role: "user", content: "What is my name?" }], { stream: true });

  expect([exitCode, errors]).toEqual([0, ""]);
  expect(output).toMatch(/^ok {4}exchange .* answered in /m);
  expect(output).toEndWith("Nothing failed\n");
  expect(next).toContain("Ada");
});
