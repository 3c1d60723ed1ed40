// What people paste, in every form that browsers give it.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CredentialsError, parseCredentials } from "../../../src/credentials/parse-credentials.ts";

const read = (text: string) => parseCredentials(text, { host: "chat.qwen.ai" });

function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof CredentialsError) return error.message;
    throw error;
  }
  return "";
}

describe("parseCredentials", () => {
  test.each([
    ["a token", "eyJhbGciOi.eyJpZCI6.c2ln"],
    ["a token with its scheme", "Bearer eyJhbGciOi.eyJpZCI6.c2ln\n"],
    ["a token in quotes", '"eyJhbGciOi.eyJpZCI6.c2ln"'],
  ])("takes %s", (_name, text) => {
    expect(read(text)).toMatchObject({ form: "token", token: "eyJhbGciOi.eyJpZCI6.c2ln", cookies: undefined });
  });

  test("takes an opaque token that ends in an equals sign for a token", () => {
    expect(read("b3BhcXVl==")).toMatchObject({ form: "token", token: "b3BhcXVl==" });
  });

  test.each([
    ["the value of a Cookie header", "cna=1; token=abc; refresh_token=r=="],
    ["a whole Cookie header", "Cookie: cna=1; token=abc; refresh_token=r=="],
    [
      "an export of cookies",
      '[{"name":"cna","value":"1"},{"name":"token","value":"abc"},{"name":"refresh_token","value":"r=="}]',
    ],
  ])("takes %s", (_name, text) => {
    expect(read(text).cookies).toBe("cna=1; token=abc; refresh_token=r==");
  });

  test("takes headers line by line, all but those of the connection", () => {
    const block = [
      "POST /api/v2/chat/completions HTTP/1.1",
      ":authority: chat.qwen.ai",
      "Host: chat.qwen.ai",
      "Connection: keep-alive",
      "Content-Length: 123",
      "Authorization: Bearer abc",
      "Cookie: token=abc",
      "bx-umidtoken: T2gA=",
      "Empty:",
    ];
    expect(read(block.join("\r\n"))).toEqual({
      form: "headers",
      token: "abc",
      cookies: "token=abc",
      headers: { "bx-umidtoken": "T2gA=" },
    });
  });

  test("refuses headers of a request to another host", () => {
    for (const name of ["Host", ":authority"]) {
      const message = refusal(`${name}: elsewhere.example\nCookie: token=secret\nAccept: */*`);
      expect(message).toBe("Cannot use the request: it was sent to elsewhere.example and not to chat.qwen.ai");
    }
  });

  test("leaves cookies of other sites out of an export, and refuses one that holds no others", () => {
    const cookie = (name: string, domain: string) => ({ name, value: "1", domain });
    const foreign = [
      cookie("SID", ".elsewhere.example"),
      cookie("b", "notqwen.ai"),
      cookie("c", "chat.qwen.ai.example"),
    ];
    const own = [
      cookie("token", "chat.qwen.ai"),
      cookie("refresh_token", ".qwen.ai"),
      cookie("acw_tc", "auth.qwen.ai"),
    ];
    expect(read(JSON.stringify([...foreign, ...own])).cookies).toBe("token=1; refresh_token=1; acw_tc=1");
    expect(refusal(JSON.stringify(foreign.slice(0, 2)))).toBe(
      "Cannot use the cookies: none of them is of chat.qwen.ai",
    );
    const local = JSON.stringify([cookie("token", "127.0.0.1"), ...foreign.slice(0, 1)]);
    expect(parseCredentials(local, { host: "127.0.0.1:8788" }).cookies).toBe("token=1");
  });

  test("refuses what it does not understand without quoting it", () => {
    for (const text of ["two words", "", "{broken secret", "curl https://chat.qwen.ai", "<html>secret</html>\nmore"]) {
      const message = refusal(text);
      expect(message).toStartWith("Cannot ");
      expect(message).not.toContain("secret");
    }
    expect(refusal("cookie: a=secret\u00e9")).toContain('header "cookie"');
  });
});

const wanted = {
  form: "curl",
  token: "abc.def.ghi",
  cookies: "cna=1; token=abc.def.ghi",
  headers: {
    accept: "application/json",
    "sec-ch-ua": '"Chromium";v="140", "Not=A?Brand";v="24"',
    "user-agent": "Mozilla/5.0 (X11)",
    "bx-ua": "234!it's\\here",
  },
};

describe("capture of a request copied as cURL", () => {
  test("takes the form of bash: single quotes, $'...' and lines that go on", () => {
    const text = `curl 'https://chat.qwen.ai/api/v2/chat/completions?chat_id=1' \\
  -H 'accept: application/json' \\
  -H 'authorization: Bearer abc.def.ghi' \\
  -b 'cna=1; token=abc.def.ghi' \\
  -H 'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"' \\
  -A 'Mozilla/5.0 (X11)' \\
  -H $'bx-ua: 234\\u0021it\\'s\\\\here' \\
  --data-raw $'{"content":"-H \\'x: y\\' it\\'s"}'`;
    expect(read(text)).toEqual({ ...wanted, form: "curl" } as never);
  });

  test("takes double quotes, joined flags and long flags", () => {
    const text = `curl --compressed -X POST --header="accept: application/json" -H"Authorization: Bearer abc.def.ghi" --cookie "cna=1; token=abc.def.ghi" -H "sec-ch-ua: \\"Chromium\\";v=\\"140\\", \\"Not=A?Brand\\";v=\\"24\\"" --user-agent "Mozilla/5.0 (X11)" -H "bx-ua: 234!it's\\\\here" -d '-H "x: y"' https://chat.qwen.ai/`;
    expect(read(text)).toEqual(wanted as never);
  });

  test("takes the form of the Windows shell, old and new", () => {
    const newer = `curl ^"https://chat.qwen.ai/api^" ^\r
  -H ^"accept: application/json^" ^\r
  -H ^"authorization: Bearer abc.def.ghi^" ^\r
  -b ^"cna=1; token=abc.def.ghi^" ^\r
  -H ^"sec-ch-ua: \\^"Chromium\\^";v=\\^"140\\^", \\^"Not=A?Brand\\^";v=\\^"24\\^"^" ^\r
  -H ^"user-agent: Mozilla/5.0 (X11)^" ^\r
  -H ^"bx-ua: 234^!it's^\\^\\here^" ^\r
  --data-raw ^"^{\\^"content\\^":\\^"-H\\^"^}^"`;
    const older = `curl "https://chat.qwen.ai/api" ^\r
  -H "accept: application/json" ^\r
  -H "authorization: Bearer abc.def.ghi" ^\r
  -H "cookie: cna=1; token=abc.def.ghi" ^\r
  -H "sec-ch-ua: \\"Chromium\\";v=\\"140\\", \\"Not=A?Brand\\";v=\\"24\\"" ^\r
  -H "user-agent: Mozilla/5.0 (X11)" ^\r
  -H "bx-ua: 234!it's\\\\here"`;
    expect(read(newer)).toEqual(wanted as never);
    expect(read(older)).toEqual(wanted as never);
  });

  test("reads past the prompt of the terminal that it was copied out of", () => {
    const line = "curl https://chat.qwen.ai -b 'token=abc'";
    for (const prompt of [
      "$ ",
      "% ",
      "# ",
      "ann@home:~$ ",
      "[ann@home ~]$ ",
      "C:\\Users\\Ann> ",
      "PS C:\\Users\\Ann> ",
    ]) {
      expect(read(prompt + line)).toEqual(read(line));
    }
  });

  test("takes no file name of cookies for cookies", () => {
    expect(read("curl https://chat.qwen.ai -b cookies.txt -H 'authorization: Bearer abc'").cookies).toBeUndefined();
  });
});

// Its cookies would be sent to Qwen.
test.each([
  `curl 'https://mail.example/api' -H 'referer: https://chat.qwen.ai/' -b 'session=s3cret'`,
  `curl -b 'session=s3cret' -d https://chat.qwen.ai/ https://chat.qwen.ai.mail.example/`,
  `fetch("https://mail.example/api", { "headers": { "cookie": "session=s3cret" } });`,
])("capture refuses a request that was sent to somebody else: %s", (text) => {
  expect(() => read(text)).toThrow(
    /^Cannot use the request: it was sent to (mail|chat\.qwen\.ai\.mail)\.example and not to chat\.qwen\.ai$/,
  );
});

test("capture takes a request to another host of Qwen's, and one to the backend that is set", () => {
  expect(read("curl https://auth.qwen.ai/api -b 'token=abc'").cookies).toBe("token=abc");
  const local = `curl http://127.0.0.1:8788/api -b 'token=abc'`;
  expect(parseCredentials(local, { host: "127.0.0.1:8788" }).cookies).toBe("token=abc");
});

test("capture takes a request copied as fetch (Node.js)", () => {
  const text = `fetch("https://chat.qwen.ai/api/v2/chats/?page=1", {
  "headers": { "accept": "*/*", "cookie": "token=abc", "bx-v": "2.5.37" },
  "body": null,
  "method": "GET"
});`;
  expect(read(text)).toEqual({
    form: "fetch",
    token: undefined,
    cookies: "token=abc",
    headers: { accept: "*/*", "bx-v": "2.5.37" },
  });
});

describe("capture of a HAR file", () => {
  const entry = (url: string, startedDateTime: string, headers: Record<string, string>, cookies: object[] = []) => ({
    startedDateTime,
    request: { url, headers: Object.entries(headers).map(([name, value]) => ({ name, value })), cookies },
  });
  const har = (...entries: object[]) => JSON.stringify({ log: { version: "1.2", entries } });
  const completions = "https://chat.qwen.ai/api/v2/chat/completions?chat_id=1";

  test("takes the headers of the newest request that sent a message, and the newest credentials: older ones may be exchanged", () => {
    const text = har(
      entry(completions, "2026-11-01T10:00:00.000Z", { Cookie: "token=old", version: "0.3.10" }),
      entry(completions, "2026-11-01T10:05:00.000Z", {
        Authorization: "Bearer new",
        Cookie: "token=new",
        ":authority": "chat.qwen.ai",
        version: "0.3.11",
      }),
      entry("https://chat.qwen.ai/api/v2/chats/", "2026-11-01T10:08:00.000Z", { Authorization: "Bearer newest" }),
      entry("https://chat.qwen.ai/", "2026-11-01T10:09:00.000Z", { Cookie: "token=newest", version: "0.0.1" }),
      entry("https://chat.qwen.ai/favicon.ico", "2026-11-01T10:09:30.000Z", {}),
      entry("https://evil.example/api/v2/chat/completions", "2026-11-01T10:10:00.000Z", { Cookie: "token=foreign" }),
    );
    expect(read(text)).toEqual({
      form: "har",
      token: "newest",
      cookies: "token=newest",
      headers: { version: "0.3.11" },
    });
  });

  test("prefers a request with credentials, and takes cookies that are listed apart", () => {
    const text = har(
      entry(completions, "2026-11-01T10:05:00.000Z", { accept: "*/*" }),
      entry("https://chat.qwen.ai/api/models", "2026-11-01T10:00:00.000Z", {}, [
        { name: "token", value: "abc" },
        { name: "cna", value: "1" },
      ]),
    );
    expect(read(text).form).toBe("har");
    const apart = har(
      entry("https://chat.qwen.ai/api/models", "2026-11-01T10:00:00.000Z", {}, [{ name: "token", value: "abc" }]),
    );
    expect(read(apart).cookies).toBe("token=abc");
  });

  test("says so when the host or the cookies are missing", () => {
    expect(refusal(har(entry("https://other.example/", "2026-11-01T10:00:00Z", { Cookie: "a=b" })))).toContain(
      "no request to chat.qwen.ai",
    );
    expect(refusal(har(entry(completions, "2026-11-01T10:00:00Z", { accept: "*/*" })))).toContain(
      "with sensitive data",
    );
  });
});

test("capture reads back any header that a shell's quotes can carry", () => {
  const quoted = (text: string): string[] => [
    `'${text.replaceAll("'", `'\\''`)}'`,
    `"${text.replace(/["\\$`]/g, "\\$&")}"`,
    `$'${text.replace(/['\\]/g, "\\$&").replace(/[!?]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`)}'`,
  ];
  // What a header may hold; capture itself trims its ends.
  const value = fc.string({
    unit: fc.integer({ min: 33, max: 126 }).map((code) => String.fromCharCode(code)),
    minLength: 1,
  });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 3 }), (words) => {
      const text = words.join(" ");
      for (const header of quoted(`x-any: ${text}`)) {
        const { headers } = read(`curl 'https://chat.qwen.ai/' \\\n  -H ${header} \\\n  -b 'token=abc' --data-raw 'x'`);
        expect(headers?.["x-any"]).toBe(text);
      }
    }),
  );
});
