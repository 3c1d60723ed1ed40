// A shared store behind TLS: its certificate is checked, by authorities that the operator names where they are his own.

import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPlace, runBinary } from "../support/binary.ts";
import { freePort } from "../support/ports.ts";
import { findRedis, startRedis } from "../support/redis-server.ts";

// Far beyond what it needs, for machines that are busy with something else.
setDefaultTimeout(60_000);

const executable = findRedis();

async function openssl(folder: string, ...words: readonly string[]): Promise<void> {
  const child = Bun.spawn(["openssl", ...words], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const errors = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`openssl ${words[0]} failed: ${errors}`);
}

/** `NAME.key` and `NAME.crt`, signed by `authority`. */
async function certify(folder: string, name: string, host: `${"IP" | "DNS"}:${string}`): Promise<void> {
  const request = ["-newkey", "rsa:2048", "-nodes", "-keyout", `${name}.key`, "-subj", `/CN=${name}`];
  await openssl(folder, "req", ...request, "-out", `${name}.csr`);
  writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${host}\n`);
  const signer = ["-CA", "authority.crt", "-CAkey", "authority.key", "-CAcreateserial", "-extfile", `${name}.ext`];
  await openssl(folder, "x509", "-req", "-in", `${name}.csr`, ...signer, "-out", `${name}.crt`, "-days", "2");
}

test.skipIf(executable === undefined)(
  "rediss:// wants a certificate of that host, by an authority that is known",
  async () => {
    using place = createPlace();
    const { folder } = place;
    const authority = ["-newkey", "rsa:2048", "-nodes", "-keyout", "authority.key", "-subj", "/CN=an authority"];
    await openssl(folder, "req", "-x509", ...authority, "-out", "authority.crt", "-days", "2");
    await certify(folder, "own", "IP:127.0.0.1");
    await certify(folder, "foreign", "DNS:elsewhere.example");
    const startWith = (name: string, tlsPort: number) => {
      const file = (ending: string) => join(folder, `${name}.${ending}`);
      const certificate = ["--tls-cert-file", file("crt"), "--tls-key-file", file("key"), "--tls-auth-clients", "no"];
      const trust = ["--tls-ca-cert-file", join(folder, "authority.crt")];
      return startRedis(executable ?? "", ["--tls-port", `${tlsPort}`, ...certificate, ...trust]);
    };
    const [ownPort, foreignPort] = [freePort(), freePort()];
    await using _own = await startWith("own", ownPort);
    await using _foreign = await startWith("foreign", foreignPort);
    const known = { NODE_EXTRA_CA_CERTS: join(folder, "authority.crt") };
    const look = async (port: number, more: Readonly<Record<string, string>>): Promise<string> => {
      const settings = { STORE_URL: `rediss://127.0.0.1:${port}`, MASTER_KEY: "5c".repeat(32) };
      const { output } = await runBinary(["doctor"], { ...settings, ...more }, place);
      return output.split("\n").find((line) => line.includes("shared store")) ?? output;
    };

    expect(await look(ownPort, known)).toMatch(/^ok .*answers in/);
    expect(await look(ownPort, {})).toMatch(/^fail .*refuses the connection/);
    expect(await look(foreignPort, known)).toMatch(/^fail .*refuses the connection/);
  },
);
