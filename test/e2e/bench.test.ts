// The load test of the executable: it reaches its own gateway, streams come whole, and limits decide its exit code. How fast
// anything was, no test says.

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createPlace, eventually, runBinary } from "../support/binary.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

test("bench is a load test: it ends with 1 when a limit was not kept, and says which [R4-065]", async () => {
  using place = createPlace();
  const generous = ["--max-late-ms", "3600000", "--max-first-token-ratio", "1000000"];
  const words = ["bench", "--only", "streams", "--streams", "3"];

  const kept = await runBinary([...words, ...generous], {}, place);
  const crossed = await runBinary([...words, "--max-late-ms", "3600000", "--max-first-token-ratio", "0"], {}, place);

  expect([kept.exitCode, kept.errors]).toEqual([0, ""]);
  expect(kept.output).toMatch(/^3 streams, 10 events a second each /m);
  expect(kept.output).not.toContain("broke off");
  expect(crossed.exitCode).toBe(1);
  expect(crossed.errors).toMatch(/^--max-first-token-ratio 0 was not kept: the first token .* is [\d.]+ x\n$/);
});

test("bench says where it cannot put what it measures", async () => {
  using place = createPlace();

  const { exitCode, errors } = await runBinary(["bench"], { TMPDIR: "/dev/null" }, place);

  expect(exitCode).toBe(2);
  expect(errors).toStartWith(
    'Cannot measure: nothing can be made in "/dev/null" (ENOTDIR); name another folder by TMPDIR\n',
  );
});

test.skipIf(process.platform !== "linux")("bench that is stopped leaves no server and no file behind", async () => {
  using place = createPlace();
  const env = { PATH: process.env["PATH"], HOME: place.home, TMPDIR: place.folder };
  const words = [place.executable, "bench", "--only", "streams", "--streams", "3"];
  await using bench = Bun.spawn(words, { env, stdio: ["ignore", "ignore", "ignore"] });
  const servers = await eventually(
    async () => {
      const found = readFileSync(`/proc/${bench.pid}/task/${bench.pid}/children`, "utf8").trim().split(" ");
      return found.length === 2 ? found : undefined;
    },
    () => "an emulator and a gateway run",
  );

  bench.kill("SIGTERM");

  expect(await bench.exited).toBe(1);
  expect(readdirSync(place.folder)).toEqual([]);
  await eventually(
    async () => (servers.some((pid) => existsSync(`/proc/${pid}`)) ? undefined : true),
    () => `${servers.join(" and ")} have ended`,
  );
});
