// The answer of a refresh to new credentials: token, rotated refresh token, and every cookie that it changes.

import { expect, test } from "bun:test";
import type { Account } from "../../../../../src/credentials/account.ts";
import { createFetchClient } from "../../../../../src/outbound/fetch-client.ts";
import { refreshToken } from "../../../../../src/upstreams/qwen-web/accounts/refresh-token.ts";
import { readRecording } from "../../../../support/recordings.ts";

const account: Account = {
  id: "a",
  alias: "a",
  token: "old",
  cookies: "cna=1; token=old; refresh_token=r1; acw_tc=x",
  headers: { "user-agent": "Firefox", "bx-v": "2.5.37" },
};

/** One refresh whose answer is given. */
async function refresh(body: string | Uint8Array, setCookies: readonly string[] = [], of: Account = account) {
  const asked: Request[] = [];
  const http = createFetchClient(async (request) => {
    asked.push(request);
    const headers = new Headers({ "content-type": "application/json" });
    for (const line of setCookies) headers.append("set-cookie", line);
    return new Response(body, { headers });
  });
  const options = {
    http,
    authUrl: "https://auth.example",
    baseUrl: "https://chat.example",
    userAgent: "gateway",
    clock: Date.now,
  };
  const renewed = await refreshToken(options, of, new AbortController().signal);
  return { renewed, request: asked[0]! };
}

const answer = (data: object): string => JSON.stringify({ success: true, data });

test("refreshToken asks with cookies and the captured headers, without authorization", async () => {
  const { renewed, request } = await refresh(readRecording("ok-01-refresh.json"));
  expect([request.method, request.url]).toEqual(["GET", "https://auth.example/api/v2/auths/refresh"]);
  expect(Object.fromEntries(request.headers)).toMatchObject({
    cookie: account.cookies,
    origin: "https://chat.example",
    referer: "https://chat.example/",
    "x-request-origin": "https://chat.example",
    source: "web",
    version: "0.3.12",
    "user-agent": "Firefox",
    "bx-v": "2.5.37",
  });
  expect(request.headers.get("authorization")).toBeNull();
  expect(renewed).toEqual({
    ...account,
    token: "HEADER.PAYLOAD.SIG",
    cookies: "cna=1; token=HEADER.PAYLOAD.SIG; refresh_token=HEADER.PAYLOAD.SIG; acw_tc=x",
  });
});

test("refreshToken takes what Set-Cookie changes, adds and deletes", async () => {
  const lines = ["acw_tc=y; Path=/", "new=1", "cna=; Max-Age=0", "refresh_token=r2; HttpOnly; Domain=.qwen.ai"];
  const { renewed } = await refresh(answer({ access_token: "new" }), lines);
  expect(renewed.cookies).toBe("token=new; refresh_token=r2; acw_tc=y; new=1");
});

test("refreshToken lets a refresh token go that the answer deletes", async () => {
  const { renewed } = await refresh(answer({ access_token: "new" }), ["refresh_token=; Max-Age=0"]);
  expect(renewed.cookies).toBe("cna=1; token=new; acw_tc=x");
});

test("refreshToken adds no token cookie where the user gave none", async () => {
  const { renewed } = await refresh(answer({ access_token: "new" }), [], { ...account, cookies: "refresh_token=r1" });
  expect(renewed.cookies).toBe("refresh_token=r1");
});

test("refreshToken adds the token cookie to cookies whose token has run out", async () => {
  const jar = { ...account, token: undefined, cookies: "cna=1; refresh_token=r1" };
  const { renewed } = await refresh(answer({ access_token: "new" }), [], jar);
  expect([renewed.token, renewed.cookies]).toEqual(["new", "cna=1; refresh_token=r1; token=new"]);
});

test("refreshToken refuses an answer without a token, and one that no header can carry", async () => {
  for (const data of [{}, { access_token: "" }, { access_token: "a\r\nb" }, { access_token: 1 }]) {
    await expect(refresh(answer(data))).rejects.toMatchObject({ kind: "upstream-failed", retryable: true });
  }
  const refused = '{"success":false,"data":{"code":"unauthorized","details":"token revoked, sign in again"}}';
  await expect(refresh(refused)).rejects.toMatchObject({ kind: "upstream-auth", retryable: false });
});
