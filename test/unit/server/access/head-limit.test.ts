// The size of a head: as the rule counts it, whatever the runtime's estimate is, which saves the counting.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { checkHead } from "../../../../src/server/access/head-limit.ts";
import { maxHeadBytes, maxParsedHeadBytes } from "../../../../src/server/access/head-sizes.ts";

/** The headers of a request as a server gets them, not as `fetch` adds to them. */
function requestOf(path: string, headers: readonly (readonly [string, string])[]): Request {
  const request = new Request(`http://127.0.0.1:8787${path}`);
  for (const [name, value] of headers) request.headers.append(name, value);
  return request;
}

function isRefused(request: Request): boolean {
  try {
    checkHead(request);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ kind: "head-too-large" });
    return true;
  }
}

const line = "x-a: \r\n".length;

describe("checkHead", () => {
  test("takes a head of the limit and refuses one byte more, in a header or in the address", () => {
    const value = "a".repeat(maxHeadBytes - line - "/v1/models".length);
    expect(isRefused(requestOf("/v1/models", [["x-a", value]]))).toBe(false);
    expect(isRefused(requestOf("/v1/models", [["x-a", `${value}a`]]))).toBe(true);
    expect(isRefused(requestOf("/v1/models?", [["x-a", value]]))).toBe(true);
    expect(isRefused(requestOf(`/${"a".repeat(maxHeadBytes - 1)}`, []))).toBe(false);
    expect(isRefused(requestOf(`/${"a".repeat(maxHeadBytes)}`, []))).toBe(true);
  });

  test("tells both sizes and nothing of what was sent", () => {
    const request = requestOf("/v1/models", [["authorization", `Bearer kSecret${"a".repeat(20_000)}`]]);
    expect(() => checkHead(request)).toThrow(/have 200\d\d bytes, and 16384 are the most/);
    expect(() => checkHead(request)).not.toThrow(/kSecret/);
  });

  test("refuses exactly what is larger, however it is made up", () => {
    const name = fc.oneof(
      fc.constantFrom("cookie", "authorization", "user-agent", "x-api-key", "te", "dnt"),
      fc.stringMatching(/^[a-z0-9-]{1,40}$/),
    );
    const value = fc.oneof(fc.nat(60), fc.nat(9000)).map((length) => "v".repeat(length));
    const head = fc.array(fc.tuple(name, value), { maxLength: 190 });
    let [refused, taken] = [0, 0];
    fc.assert(
      fc.property(
        fc.nat(3000),
        fc.oneof(
          head,
          head.map((lines) => lines.slice(0, 12)),
        ),
        (length, lines) => {
          const path = `/${"p".repeat(length)}`;
          const request = requestOf(path, lines);
          const bytes = [...request.headers].reduce(
            (sum, [name, value]) => sum + name.length + value.length + 4,
            path.length,
          );
          const isTooLarge = bytes > maxHeadBytes;
          if (isTooLarge) refused++;
          else taken++;
          expect(isRefused(request)).toBe(isTooLarge);
        },
      ),
      { numRuns: 300 },
    );
    expect(Math.min(refused, taken)).toBeGreaterThan(20);
  });

  test("leaves room between its limit and that of the parser, so that there is something to answer", () => {
    expect(maxParsedHeadBytes).toBeGreaterThanOrEqual(4 * maxHeadBytes);
  });
});
