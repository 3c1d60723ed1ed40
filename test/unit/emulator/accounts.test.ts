// Tokens, refresh and uploads.

import { describe, expect, test } from "bun:test";
import { signUpload } from "../../../src/upstreams/qwen-web/attachments/oss-signature.ts";
import { createQwenWebEmulator } from "../../../src/emulator/qwen-web-emulator.ts";
import { at, base, get, json, newChat, post, turn, turnRequest } from "./emulator-client.ts";

function refresh(cookie: string): Request {
  return new Request(`${base}/api/v2/auths/refresh`, { headers: { cookie } });
}

describe("accounts", () => {
  test("any token is an account, a cookie's token too, and nobody is one as well", async () => {
    const emulator = createQwenWebEmulator({ seed: 1 });
    const list = async (headers: Record<string, string>) =>
      at(await json(await emulator.fetch(new Request(`${base}/api/v2/chats/`, { headers }))), "data");
    await newChat(emulator, "token-a");
    expect(await list({ authorization: "Bearer token-a" })).toHaveLength(1);
    expect(await list({ cookie: "x=1; token=token-a" })).toHaveLength(1);
    expect(await list({})).toHaveLength(0);
    expect(emulator.requests.at(-1)?.account).toBe("anonymous");
  });

  test("only the listed tokens are accepted where a list is given", async () => {
    const emulator = createQwenWebEmulator({ seed: 1, tokens: ["good"] });
    expect(await newChat(emulator, "good")).toMatch(/^[0-9a-f-]{36}$/);
    const response = await emulator.fetch(post("/api/v2/chats/new", { models: ["qwen3.7-plus"] }, "bad"));
    expect(response.status).toBe(200);
    expect(response.headers.get("x-actual-status-code")).toBe("401");
    expect(at(await json(response), "data", "code")).toBe("Unauthorized");
    expect((await emulator.fetch(get("/api/v1/auths/", "bad"))).status).toBe(401);
    expect(await json(await emulator.fetch(get("/api/v1/auths/", "good")))).toMatchObject({
      role: "user",
      token: "good",
    });
  });

  test("marked tokens are refused as expired or revoked", async () => {
    const emulator = createQwenWebEmulator({ seed: 1 });
    const details = async () => at(await json(await emulator.fetch(get("/api/v2/chats/"))), "data", "details");
    emulator.setTokenState("token-a", "expired");
    expect(await details()).toContain("Token has expired");
    emulator.setTokenState("token-a", "revoked");
    expect(await details()).toContain("token revoked");
    emulator.setTokenState("token-a", "ready");
    expect(await details()).toBeUndefined();
  });

  test("a refresh gives a short token of the same account, which dies on time", async () => {
    let nowMs = 1_790_000_000_000;
    const emulator = createQwenWebEmulator({
      seed: 1,
      clock: () => nowMs,
      tokens: ["old"],
      accountIds: { old: "alice", "refresh-1": "alice" },
    });
    const chatId = await newChat(emulator, "old");
    const response = await emulator.fetch(refresh("refresh_token=refresh-1"));
    expect(response.headers.getSetCookie()).toHaveLength(2);
    const body = await json(response);
    expect(at(body, "data", "refresh_token")).toBe("refresh-1");
    const token = String(at(body, "data", "access_token"));
    const payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    expect(payload).toMatchObject({ id: "alice", type: "access_token", exp: 1_790_000_900, iat: 1_790_000_000 });
    expect(at(await json(await emulator.fetch(get(`/api/v2/chats/${chatId}`, token))), "data", "id")).toBe(chatId);
    nowMs += 900_000;
    expect(at(await json(await emulator.fetch(get("/api/v2/chats/", token))), "data", "code")).toBe("unauthorized");
  });

  test("rotation kills the old refresh token", async () => {
    const emulator = createQwenWebEmulator({ seed: 1, rotateRefreshTokens: true });
    const first = await json(await emulator.fetch(refresh("refresh_token=r1")));
    const next = String(at(first, "data", "refresh_token"));
    expect(next).not.toBe("r1");
    expect(at(await json(await emulator.fetch(refresh("refresh_token=r1"))), "data", "details")).toContain("revoked");
    expect(at(await json(await emulator.fetch(refresh(`refresh_token=${next}`))), "success")).toBe(true);
    expect(at(await json(await emulator.fetch(refresh("token=x"))), "success")).toBe(false);
  });

  test("a version is asked for on completions and must not be stale on chats/new", async () => {
    const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0, currentVersion: "0.3.11" });
    const chatId = await newChat(emulator);
    const without = await json(await emulator.fetch(turnRequest({ chatId, content: "hi" })));
    expect(without).toMatchObject({ success: false, code: "Bad_Request" });
    const request = turnRequest({ chatId, content: "hi" });
    request.headers.set("version", "0.3.11");
    expect(await (await emulator.fetch(request)).text()).toContain("finished");
    const stale = post("/api/v2/chats/new", { models: ["qwen3.7-plus"] });
    stale.headers.set("version", "0.2.0");
    expect(at(await json(await emulator.fetch(stale)), "data", "code")).toBe("Unauthorized");
  });
});

describe("files", () => {
  test("are announced, put, read, and part of what a turn knows", async () => {
    const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0 });
    const answer = await json(
      await emulator.fetch(
        post("/api/v2/files/getstsToken", { filename: "notes.txt", filesize: 15, filetype: "file" }),
      ),
    );
    const fileId = String(at(answer, "data", "file_id"));
    const key = String(at(answer, "data", "file_path"));
    const put = (headers: Record<string, string>) =>
      emulator.fetch(new Request(`${base}/${key}`, { method: "PUT", body: "My name is Ada.", headers }));
    const upload = { bucket: "qwen-webui-prod", key, region: "ap-southeast-1", contentType: "text/plain" };
    const lent = { accessKeyId: "STS.EMULATED", accessKeySecret: "EMULATED", securityToken: "EMULATED" };
    const headers = signUpload({ ...upload, nowMs: Date.now() }, lent);
    expect((await put({})).status).toBe(403);
    expect((await put({ ...headers, "content-type": "text/html" })).status).toBe(403);
    expect((await put(headers)).status).toBe(200);
    expect(emulator.files()).toMatchObject([
      { fileId, name: "notes.txt", kind: "file", isParsed: false, stored: { bytes: 15, contentType: "text/plain" } },
    ]);
    const status = async () =>
      at(await json(await emulator.fetch(post("/api/v2/files/parse/status", { file_id_list: [fileId] }))), "data", 0);
    expect(await status()).toMatchObject({ status: "pending" });
    await emulator.fetch(post("/api/v2/files/parse", { file_id: fileId }));
    expect(await status()).toMatchObject({ status: "success" });
    const chatId = await newChat(emulator);
    const files = [{ type: "file", id: fileId, name: "notes.txt", showType: "file", file_class: "document" }];
    const first = await turn(emulator, { chatId, content: "What do you think of it all?", message: { files } });
    const next = await turn(emulator, { chatId, parentId: first.responseId, content: "What is my name?" });
    expect(first.answer).toContain("notes.txt (text/plain, 15 bytes)");
    expect(next.answer).toContain("Ada");
  });

  test("without a type are refused", async () => {
    const emulator = createQwenWebEmulator({ seed: 1 });
    const response = await emulator.fetch(post("/api/v2/files/getstsToken", { filename: "a.png" }));
    expect(at(await json(response), "data", "details")).toBe("Invalid file information!");
  });
});
