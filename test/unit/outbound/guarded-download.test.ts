// Fetching from addresses that others name: which are public, which are reached, and what is too much.

import { describe, expect, test } from "bun:test";
import { createFetchClient } from "../../../src/outbound/fetch-client.ts";
import { createGuardedDownload } from "../../../src/outbound/guarded-download.ts";
import { isPublicAddress } from "../../../src/outbound/public-address.ts";
import { createTcpClient } from "../../../src/outbound/tcp-client.ts";

const limits = { maxBytes: 1000, signal: new AbortController().signal };

function serve(answer: (path: string) => Response) {
  let asked = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    fetch({ url }) {
      asked++;
      return answer(new URL(url).pathname);
    },
  });
  return {
    origin: server.url.origin,
    get asked() {
      return asked;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function createDownload(trustedOrigins: readonly string[]) {
  return createGuardedDownload({
    guarded: createTcpClient({ allowsAddress: isPublicAddress }),
    trusted: createFetchClient((request, options) => fetch(request, options)),
    trustedOrigins,
    userAgent: "test",
  });
}

test.each([
  ["8.8.8.8", true],
  ["172.32.0.1", true],
  ["2606:4700::1111", true],
  ["::ffff:8.8.8.8", true],
  ["127.0.0.1", false],
  ["10.1.2.3", false],
  ["172.16.0.1", false],
  ["192.168.1.1", false],
  ["169.254.169.254", false],
  ["100.64.0.1", false],
  ["0.0.0.0", false],
  ["224.0.0.1", false],
  ["255.255.255.255", false],
  ["::1", false],
  ["::", false],
  ["fe80::1", false],
  ["fd00::1", false],
  ["::ffff:127.0.0.1", false],
  ["64:ff9b::a00:1", false],
  ["2002:a00:1::", false],
  ["2001:db8::1", false],
  ["localhost", false],
  ["", false],
])("isPublicAddress says of %p: %p", (address, isPublic) => {
  expect(isPublicAddress(address)).toBe(isPublic);
});

describe("a guarded client", () => {
  test("sends nothing where a public name leads to this machine", async () => {
    await using server = serve(() => new Response("secret"));
    const client = createTcpClient({ allowsAddress: isPublicAddress });
    const url = server.origin.replace("127.0.0.1", "localhost");
    const sent = client.send({ method: "GET", url, headers: {}, signal: limits.signal });

    expect(await sent.catch((error: Error) => error.message)).toStartWith("Cannot reach the upstream");
    expect(server.asked).toBe(0);
  });
});

describe("createGuardedDownload", () => {
  test("fetches what the settings name, through its own redirects", async () => {
    await using server = serve((path) =>
      path === "/a" ? new Response(null, { status: 302, headers: { location: "/b" } }) : new Response("bytes"),
    );
    const { bytes, contentType } = await createDownload([server.origin])(`${server.origin}/a`, limits);

    expect(new TextDecoder().decode(bytes)).toBe("bytes");
    expect(contentType).toStartWith("text/plain");
  });

  test.each([
    ["another port of this machine", "http://127.0.0.1:1/a", "not https"],
    ["a private address", "https://192.168.0.1/a", "not a public one"],
    ["an address in version 6", "https://[::1]/a", "not a public one"],
    ["an address in disguise", "https://2130706433/a", "not a public one"],
    ["credentials", "https://user:pass@example.com/a", "credentials"],
    ["a file", "file:///etc/passwd", "not https"],
    ["nonsense", "nonsense", "not a valid URL"],
  ])("refuses %s", async (_, address, reason) => {
    const error: Error = await createDownload([])(address, limits).then(
      () => new Error("fetched"),
      (reason: Error) => reason,
    );
    expect(error.message).toContain(reason);
    expect(error.message).not.toContain(address);
  });

  test("refuses what is too large, what is missing, and what leads round and round", async () => {
    await using server = serve((path) => {
      if (path === "/large") return new Response("x".repeat(1001));
      return path === "/round"
        ? new Response(null, { status: 302, headers: { location: "/round" } })
        : new Response("", { status: 404 });
    });
    const download = createDownload([server.origin]);
    const reasonOf = (path: string) => download(server.origin + path, limits).catch((error: Error) => error.message);

    expect(await reasonOf("/large")).toContain("larger than 1000 bytes");
    expect(await reasonOf("/missing")).toContain("answered 404");
    expect(await reasonOf("/round")).toContain("redirects too often");
  });
});

test("a name of which one address is not public is not connected to", async () => {
  await using server = serve(() => new Response("secret"));
  const download = createGuardedDownload({
    guarded: createFetchClient((request, options) => fetch(request, options)),
    trusted: createFetchClient((request, options) => fetch(request, options)),
    trustedOrigins: [],
    userAgent: "test",
    lookup: async () => ["8.8.8.8", "127.0.0.1"],
  });

  const address = server.origin.replace("127.0.0.1", "localhost");
  const asked = download(address, { ...limits, allowsHttp: true });

  await expect(asked).rejects.toMatchObject({ reason: "its address is not a public one" });
  expect(server.asked).toBe(0);
});

test("whoever waits for a name server that is silent can leave", async () => {
  const client = createFetchClient((request, options) => fetch(request, options));
  const leaving = new AbortController();
  const download = createGuardedDownload({
    guarded: client,
    trusted: client,
    trustedOrigins: [],
    userAgent: "test",
    lookup() {
      leaving.abort(new Error("left"));
      return new Promise(() => {});
    },
  });

  await expect(download("https://example.com", { ...limits, signal: leaving.signal })).rejects.toThrow("left");
});

test("http is taken where it is allowed, and the address that is reached counts", async () => {
  await using server = serve(() => new Response("secret"));

  const asked = createDownload([])(server.origin.replace("127.0.0.1", "localhost"), { ...limits, allowsHttp: true });

  // The name leads here: nothing of the request is sent.
  await expect(asked).rejects.toMatchObject({ kind: "upstream-failed" });
  expect(server.asked).toBe(0);
});

test("what is too large says so to whoever asked", async () => {
  await using server = serve(() => new Response("x".repeat(2000)));

  await expect(createDownload([server.origin])(server.origin, limits)).rejects.toMatchObject({ isTooLarge: true });
});
