import { expect, test } from "bun:test";
import { ConfigError } from "../../../../src/config/config-error.ts";
import { checkBind } from "../../../../src/server/access/check-bind.ts";

const open = { hostname: "0.0.0.0", apiKeys: [], insecure: false };

test("checkBind refuses an address of others without a key and says what to do", () => {
  for (const hostname of ["0.0.0.0", "::", "192.168.1.5", "example.com"]) {
    expect(() => checkBind({ ...open, hostname })).toThrow(ConfigError);
  }
  expect(() => checkBind(open)).toThrow(/"0\.0\.0\.0".*API_KEY.*HOST=127\.0\.0\.1.*INSECURE=true/);
});

test("checkBind allows loopback, keys and whoever insists", () => {
  for (const hostname of ["127.0.0.1", "localhost", "::1"]) checkBind({ ...open, hostname });
  checkBind({ ...open, apiKeys: ["k1"] });
  expect(() => checkBind({ ...open, insecure: true })).not.toThrow();
});
