// Servers that repeat what they were sent: credentials that look like words, in sentences of their own.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startHarness } from "../support/harness.ts";
import { user } from "./client.ts";

const upstreamKey = "kPlainUpstreamKey7321";
const added = { token: "kOpaqueTokenOfAnAddedAccount7322", cookie: "kCookieOfAnAddedAccount7323" };

test("a key of the settings that a server quotes stands in no line of the log and no capture", async () => {
  using telltale = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    fetch({ url, headers }) {
      if (url.endsWith("/models"))
        return Response.json({ object: "list", data: [{ id: "telltale", object: "model" }] });
      const key = headers.get("authorization")?.slice("Bearer ".length);
      return Response.json({ error: { message: `You sent ${key} which is odd`, code: key } }, { status: 401 });
    },
  });
  await using harness = await startHarness({
    environment: {
      UPSTREAM_BASE_URL: `${telltale.url.origin}/v1`,
      UPSTREAM_DIALECT: "vllm",
      UPSTREAM_API_KEY: upstreamKey,
    },
  });
  const captureDir = join(harness.dataDir, "captures");
  await harness.reload({ CAPTURE_DIR: captureDir });

  const answer = await harness.chat({ model: "telltale", messages: [user("Hello")] });

  expect(answer.status).toBe(502);
  expect(await answer.text()).not.toContain(upstreamKey);
  const log = harness.logLines.join("\n");
  expect(log).toMatch(/you sent \[redacted\] which is odd/i);
  expect(log.toLowerCase()).not.toContain(upstreamKey.toLowerCase());
  await harness.app.stop();
  const [capture = ""] = readdirSync(captureDir).map((name) => readFileSync(join(captureDir, name), "utf8"));
  expect(capture).toContain("You sent ****");
  expect(capture.toLowerCase()).not.toContain(upstreamKey.toLowerCase());
});

test("credentials of an account that was added are learned by the log and by captures", async () => {
  await using harness = await startHarness({ environment: { QWEN_TOKEN: "" } });
  const captureDir = join(harness.dataDir, "captures");
  await harness.reload({ CAPTURE_DIR: captureDir });
  const credentials = `token=${added.token}; cna=${added.cookie}`;
  expect((await harness.post("/admin/api/accounts", { alias: "w", credentials })).status).toBe(200);
  harness.emulator.script({
    refuse: { name: "http-status", status: 500, details: `sent: ${added.token} and ${added.cookie}` },
    times: "always",
  });

  const answer = await harness.chat({ messages: [user("Hello")] });

  expect(answer.status).toBeGreaterThanOrEqual(500);
  await answer.text();
  await harness.app.stop();
  const files = readdirSync(captureDir).map((name) => readFileSync(join(captureDir, name), "utf8"));
  expect(files.join("")).toContain("sent: ****");
  for (const text of [...files, harness.logLines.join("\n")]) {
    expect(text.toLowerCase()).not.toContain(added.token.toLowerCase());
    expect(text.toLowerCase()).not.toContain(added.cookie.toLowerCase());
  }
});
