// The executable captures, explains and replays; and sends traces. As a user would do it: commands and files.

import { describe, expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPlace, eventually, runBinary, startBinary } from "../support/binary.ts";
import { capturedBody, capturesOf } from "../support/captures.ts";
import { serveCollector } from "../support/fake-collector.ts";
import { saying } from "../support/several-upstreams.ts";
import { modelsRoute } from "../support/several-upstreams.ts";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { startStage } from "./stage.ts";

const path = "/v1/chat/completions";
const hello = { model: "qwen3-max", stream: true, messages: [{ role: "user", content: "Say: good day" }] };
const withoutIds = (text: string): string =>
  text.replaceAll(/"(?:id|response_id)":"[^"]*"/g, '"id":""').replaceAll(/"created":\d+/g, '"created":0');

describe("serve --capture-dir, explain and replay", () => {
  test("a capture of the web backend is explained, and played again gives the same bytes", async () => {
    await using stage = await startStage({ environment: { CAPTURE_DIR: "captures" } });
    const answer = await (await stage.post(path, hello)).text();
    const [capture] = await capturesOf(join(stage.place.folder, "captures"), path);

    const explained = await runBinary(["explain", capture!.path], {}, stage.place);
    await using replay = await startBinary(["replay", capture!.path, "--port", "0", "--speed", "20"], {}, stage.place);
    const settings = await replay.line((line) => line.startsWith("For a gateway: "));
    const environment = Object.fromEntries(
      settings
        .slice(15)
        .split(" ")
        .map((pair) => pair.split("=") as [string, string]),
    );
    using place = createPlace();
    await using second = await startBinary([], { PORT: "0", ...environment }, place);
    const again = await fetch(second.url + path, { method: "POST", body: JSON.stringify(hello) });

    expect(capturedBody(capture!.file, "answer")).toBe(answer);
    expect(explained.exitCode).toBe(0);
    expect(explained.output).toContain("asks qwen-web: POST ");
    expect(explained.output).toContain("outcome complete, attempts 1");
    expect(withoutIds(await again.text())).toBe(withoutIds(answer));
  });

  test("a capture of a server of one's own gives the same bytes", async () => {
    await using server = serveCompatible([saying("good day")], modelsRoute("local"));
    using place = createPlace();
    const local = { ...hello, model: "local" };
    const post = (url: string) => fetch(url + path, { method: "POST", body: JSON.stringify(local) });
    const words = ["--capture", "kept", "--upstream-base-url", server.url, "--upstream-dialect", "vllm"];
    await using gateway = await startBinary(["serve", ...words], { PORT: "0" }, place);
    const answer = await (await post(gateway.url)).text();
    const [capture] = await capturesOf(join(place.folder, "kept"), path);

    await using replay = await startBinary(["replay", capture!.path, "--port=0", "--speed=0"], {}, place);
    const environment = { PORT: "0", UPSTREAM_BASE_URL: `${replay.url}/v1`, UPSTREAM_DIALECT: "vllm" };
    await using second = await startBinary([], environment, place);

    expect(await (await post(second.url)).text()).toBe(answer);
    expect(statSync(capture!.path).mode & 0o777).toBe(0o600);
  });

  test("what is no capture is refused in a sentence", async () => {
    using place = createPlace();
    writeFileSync(join(place.folder, "notes.txt"), "hello\n");
    writeFileSync(
      join(place.folder, "newer.jsonl"),
      '{"type":"capture","version":2,"requestId":"a","startedAt":"b"}\n',
    );

    const none = await runBinary(["explain"], {}, place);
    const missing = await runBinary(["replay", "nowhere.jsonl"], {}, place);
    const wrong = await runBinary(["explain", "notes.txt"], {}, place);
    const newer = await runBinary(["explain", "newer.jsonl"], {}, place);
    const both = await runBinary(["serve", "--capture", "a", "--capture-dir", "b"], {}, place);
    const speed = await runBinary(["replay", "newer.jsonl", "--speed", "fast"], {}, place);

    expect([none, missing, wrong, newer, both, speed].map(({ exitCode }) => exitCode)).toEqual([2, 2, 2, 2, 2, 2]);
    expect(both.errors).toContain("Give --capture or --capture-dir");
    expect(none.errors).toContain("Which capture? Give its file");
    expect(missing.errors).toContain('Cannot read capture "nowhere.jsonl"');
    expect(wrong.errors).toContain("line 1 is no JSON");
    expect(newer.errors).toContain("its form has version 2");
  });

  test("a stop writes what runs", async () => {
    await using stage = await startStage({
      environment: { CAPTURE_DIR: "captures", DRAIN_TIMEOUT_MS: "0" },
      emulatorWords: ["--token-delay-ms", "400"],
    });
    const response = await stage.post(path, hello);
    stage.gateway.kill("SIGTERM");
    await response.text();
    expect(await stage.gateway.exited).toBe(0);

    const [capture] = await capturesOf(join(stage.place.folder, "captures"), path);

    expect(capture!.file.lines.at(-1)).toMatchObject({ type: "close" });
    expect(readdirSync(join(stage.place.folder, "captures")).filter((name) => name.endsWith(".part"))).toEqual([]);
  });
});

describe("OTEL_EXPORTER_OTLP_ENDPOINT", () => {
  test("traces arrive from the executable, while it runs", async () => {
    await using collector = serveCollector();
    await using stage = await startStage({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });

    await (
      await stage.post(path, hello, { headers: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` } })
    ).text();
    await eventually(
      async () => (collector.spans.length >= 2 ? true : undefined),
      () => "two spans at the collector",
    );

    expect(collector.spans.map(({ name }) => name).sort()).toEqual(["POST /v1/chat/completions", "chat qwen3-max"]);
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set(["a".repeat(32)]));
  });

  test("a collector that is gone holds up neither answers nor the stop", async () => {
    await using stage = await startStage({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" } });
    for (let turn = 0; turn < 3; turn++) expect(await (await stage.post(path, hello)).text()).toContain("[DONE]");
    await stage.gateway.line((line) => line.includes("Traces do not reach their collector"));
    const since = performance.now();

    stage.gateway.kill("SIGTERM");

    expect(await stage.gateway.exited).toBe(0);
    expect(performance.now() - since).toBeLessThan(8000);
  }, 30_000);
});
