// The published files for several gateways: whole, of one mind, and in words that programs know.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listSettings } from "../../src/config/config-names.ts";
import { loadConfig } from "../../src/config/load-config.ts";

const read = (name: string): string => readFileSync(join(import.meta.dir, "../../deploy", name), "utf8");

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      { readonly environment?: Record<string, string>; readonly ports?: string[]; readonly command?: string }
    >
  >;
}

// The shape is what the test asserts.
const compose = Bun.YAML.parse(read("compose.yaml")) as Compose;
const gateways = Object.keys(compose.services).filter((name) => name.startsWith("gateway-"));

test("compose.yaml has three gateways with settings that there are, and that can be loaded", () => {
  const known = new Set(listSettings().map(({ environmentName }) => environmentName));

  expect(gateways).toEqual(["gateway-1", "gateway-2", "gateway-3"]);
  for (const name of gateways) {
    const environment = compose.services[name]?.environment ?? {};
    expect(Object.keys(environment).filter((setting) => !known.has(setting))).toEqual([]);
    const filled = Object.fromEntries(
      Object.entries(environment).map(([setting, value]) => [
        setting,
        value.replace(/\$\{\w+:\?[^}]*\}/g, "ab".repeat(32)),
      ]),
    );
    const { config } = loadConfig({ environment: { HOME: "/", ...filled }, flags: {} });
    expect(config.storeUrl).toBe(`redis://:${"ab".repeat(32)}@valkey:6379/0`);
  }
});

test("compose.yaml is reached from this machine alone, and its store keeps what it is given", () => {
  const { haproxy, valkey } = compose.services;

  expect(haproxy?.ports).toEqual(["127.0.0.1:8787:8787"]);
  for (const setting of ["--appendonly yes", "--maxmemory-policy noeviction", "--requirepass ${STORE_PASSWORD"]) {
    expect(valkey?.command).toContain(setting);
  }
});

test("haproxy.cfg leads to the gateways of compose.yaml and asks each whether it is ready", () => {
  const config = read("haproxy.cfg");

  expect([...config.matchAll(/^ {2}server (\S+) (\S+)$/gm)].map(([, name, address]) => [name, address])).toEqual(
    gateways.map((name) => [name, `${name}:8787`]),
  );
  expect(config).toContain("option httpchk GET /health/ready");
});
