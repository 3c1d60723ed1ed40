// What was captured to an account: its id, its token, and the headers that are sent along.

import { expect, test } from "bun:test";
import { parseAccount } from "../../../../../src/upstreams/qwen-web/accounts/parse-account.ts";
import { accessToken, cookiesOf, longToken } from "../../../../support/tokens.ts";

test("parseAccount derives the id from the token's user: equal for every token of one user, on every machine", () => {
  const ids = [
    parseAccount({ token: longToken("ann") }),
    parseAccount({ token: `Bearer ${accessToken("ann", 1000)}` }),
    parseAccount({ cookies: cookiesOf("ann", accessToken("ann", 9000)) }),
  ].map(({ id }) => id);
  expect(new Set(ids)).toEqual(new Set(["b7b15a392649eaf5"]));
  expect(parseAccount({ token: longToken("bob") }).id).not.toBe("b7b15a392649eaf5");
});

test("parseAccount takes the token out of the cookies, unless one is given", () => {
  const cookies = cookiesOf("ann", "of-the-cookie");
  expect(parseAccount({ cookies }).token).toBe("of-the-cookie");
  expect(parseAccount({ cookies, token: "given" }).token).toBe("given");
});

test("parseAccount leaves out headers that the gateway sets itself", () => {
  const headers = { "User-Agent": "Firefox", "bx-v": "2.5.37", Accept: "*/*", Origin: "x", "X-Accel-Buffering": "no" };
  expect(parseAccount({ token: "t", headers }).headers).toEqual({ "user-agent": "Firefox", "bx-v": "2.5.37" });
});

test("parseAccount names an account by its id unless its owner does, and without credentials it is anonymous", () => {
  expect(parseAccount({ token: longToken("ann") }).alias).toBe("account-b7b15a");
  expect(parseAccount({ token: longToken("ann") }, "work").alias).toBe("work");
  expect(parseAccount({})).toMatchObject({ id: "anonymous", alias: "anonymous", token: undefined, cookies: undefined });
});
