// Looking after the compiled executable: who may, what is shown, what is changed, and that no secret comes out.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { createPlace, runBinary, startBinary } from "../support/binary.ts";
import { startEmulatorProcess } from "../support/emulator-process.ts";
import { startStage } from "./stage.ts";

const json = { "content-type": "application/json" };
const hello = { model: "qwen3-max", messages: [{ role: "user", content: "Hello" }] };

test("an admin key opens what an API key does not, and the settings tell where they come from", async () => {
  await using emulator = await startEmulatorProcess();
  using place = createPlace();
  const file = join(place.folder, "gateway.yaml");
  writeFileSync(file, "log_format: json\napi_key: sk-of-a-client-0001\n");
  const environment = { PORT: "0", QWEN_BASE_URL: emulator.url, ADMIN_KEY: "sk-of-the-admin-0001", LOG_FORMAT: "" };
  await using gateway = await startBinary(["serve", "--config", file, "--log-level", "debug"], environment, place);
  const ask = (path: string, key?: string) =>
    fetch(`${gateway.url}/admin/api/${path}`, { headers: key === undefined ? {} : { authorization: `Bearer ${key}` } });

  expect((await ask("status")).status).toBe(401);
  expect((await ask("status", "sk-of-a-client-0001")).status).toBe(403);
  expect((await ask("status", "sk-of-the-admin-0001")).status).toBe(200);
  const text = await (await ask("config", "sk-of-the-admin-0001")).text();
  expect(text).toContain('{"name":"LOG_LEVEL","value":"debug","is_secret":false,"source":"flag"}');
  expect(text).toContain('{"name":"LOG_FORMAT","value":"json","is_secret":false,"source":"file"}');
  expect(text).toContain('{"name":"API_KEY","value":"set","is_secret":true,"source":"file"}');
  expect(text).toContain('{"name":"ADMIN_KEY","value":"set","is_secret":true,"source":"environment"}');
  expect(text).toContain('{"name":"QWEN_TOKEN","value":"not set","is_secret":true,"source":"default"}');
  expect([text, ...gateway.errors, ...gateway.output].join("\n")).not.toContain("0001");
});

test("a key that is both is refused at the start, and not shown", async () => {
  using place = createPlace();
  const environment = { PORT: "0", API_KEY: "sk-of-both-0001", ADMIN_KEY: "sk-of-both-0001" };

  const { exitCode, output, errors } = await runBinary(["serve"], environment, place);

  expect(exitCode).toBe(2);
  expect(errors).toContain("Cannot use ADMIN_KEY");
  expect(output + errors).not.toContain("0001");
});

test("an account that was added by the admin API serves, and stays paused over kill -9", async () => {
  await using stage = await startStage({ environment: { QWEN_TOKEN: "" } });
  const post = async (path: string, body: object = {}) =>
    // Its shape is what the lines below look at.
    (await (await stage.post(`/admin/api/${path}`, body, { headers: json })).json()) as {
      account: { id: string };
      state: string;
    };

  const added = await post("accounts", { credentials: "token=a-token-of-ann-0001", alias: "ann" });
  const { id } = added.account;
  expect(added).toMatchObject({ is_new: true, account: { alias: "ann", state: "ready", source: "added" } });
  expect((await stage.post("/v1/chat/completions", hello)).status).toBe(200);
  expect((await stage.emulator.turns()).at(-1)?.record.headers["authorization"]).toBe("Bearer a-token-of-ann-0001");

  expect((await post(`accounts/${id}/pause`)).state).toBe("paused");
  await stage.crashAndRestart();
  const refused = await stage.post("/v1/chat/completions", hello);
  expect(refused.status).toBe(503);
  expect((await post(`accounts/${id}/resume`)).state).toBe("ready");
  expect((await stage.post("/v1/chat/completions", hello)).status).toBe(200);
  expect(JSON.stringify(added) + stage.gateway.errors.join("\n")).not.toContain("0001");
});

test("the document of all routes is in the executable, and sound", async () => {
  await using stage = await startStage();

  const document = (await (await stage.get("/openapi.json")).json()) as { paths: object };

  expect((await new Validator().validate({ ...document })).valid).toBe(true);
  expect(Object.keys(document.paths)).toContain("/v1/chat/completions");
  expect(Object.keys(document.paths)).toContain("/admin/api/streams/{id}");
});

test("a key is made, a backup downloaded, and both are good in another place", async () => {
  const environment = { ADMIN_KEY: "sk-of-the-admin-0002", API_KEY: "sk-of-a-client-0002" };
  await using stage = await startStage({ environment });
  const post = (path: string, body: object) =>
    stage.post(`/admin/api/${path}`, body, { headers: { ...json, authorization: "Bearer sk-of-the-admin-0002" } });
  // Their shapes are what the lines below look at.
  const { key } = (await (await post("keys", { name: "ann" })).json()) as { key: string };
  const chat = (url: string) =>
    fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { ...json, authorization: `Bearer ${key}` },
      body: JSON.stringify(hello),
    });
  expect((await chat(stage.gateway.url)).status).toBe(200);

  const answer = await post("backup", {});
  expect(answer.status).toBe(200);
  using place = createPlace();
  const file = join(place.folder, "gateway.tar");
  writeFileSync(file, new Uint8Array(await answer.arrayBuffer()));
  const restored = await runBinary(["restore", file], {}, place);
  expect([restored.exitCode, restored.errors]).toEqual([0, ""]);
  const settings = { PORT: "0", QWEN_TOKEN: "test-token", QWEN_BASE_URL: stage.emulator.url };
  await using other = await startBinary([], settings, place);

  expect((await chat(other.url)).status).toBe(200);
  const told = [...stage.gateway.errors, ...stage.gateway.output].join("\n");
  expect(told).toContain("admin: a backup was sent");
  expect(told).not.toContain(key.slice(12));
});

test("a running stream is seen and ended, a page of another site sees and changes nothing", async () => {
  await using stage = await startStage({ emulatorWords: ["--token-delay-ms", "30"] });
  const answer = await stage.post("/v1/chat/completions", {
    ...hello,
    messages: [{ role: "user", content: "Count to 500" }],
    stream: true,
  });
  const text = answer.text();
  const listed = (await (await stage.get("/admin/api/streams")).json()) as { data: { id: string }[] };
  expect(listed.data).toHaveLength(1);

  const foreign = { origin: "https://evil.example" };
  expect((await stage.get("/admin/api/streams", foreign)).status).toBe(403);
  expect(
    (await stage.post("/admin/api/upstreams/qwen-web/pause", {}, { headers: { ...json, ...foreign } })).status,
  ).toBe(403);
  const form = await stage.post(
    "/admin/api/upstreams/qwen-web/pause",
    {},
    { headers: { "content-type": "text/plain" } },
  );
  expect(form.status).toBe(400);

  const ended = await fetch(`${stage.gateway.url}/admin/api/streams/${listed.data[0]!.id}`, { method: "DELETE" });
  expect(ended.status).toBe(200);
  expect(await text).toContain("was ended by whoever runs this gateway");
});
