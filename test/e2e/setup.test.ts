// qwen-gateway setup of the compiled executable: what it writes is what serve then answers with.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPlace, type Place, runBinary, startBinary } from "../support/binary.ts";
import { modelList, ready, saying, wrongKey } from "../support/compatible-plays.ts";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { startAtTerminal } from "../support/typing.ts";
import { ask, createClient } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(30_000);

const configOf = (place: Place): string => join(place.home, ".config", "qwen-gateway", "config.yaml");
const vllm = () => serveCompatible([ready, saying("Hello from vLLM")], modelList("vllm", "qwen3-max"));

/** A chat through a gateway that was given nothing but its home. */
async function chat(
  place: Place,
  words: readonly string[] = [],
): Promise<{ answer: string; lines: readonly string[] }> {
  await using gateway = await startBinary(words, { PORT: "0" }, place);
  const answer = await ask(createClient(gateway.url), [{ role: "user", content: "Hello" }], { stream: true });
  return { answer, lines: gateway.output };
}

describe("setup without questions", () => {
  test("writes what serve reads without a flag, and a chat goes through that upstream", async () => {
    await using server = vllm();
    using place = createPlace();
    const keyFile = join(place.home, "key");
    writeFileSync(keyFile, "sk-very-secret\n");
    const words = ["setup", "--yes", "--look-at", "none", "--upstream", `gpu=${server.url}`];
    const { exitCode, output, errors } = await runBinary([...words, "--upstream-key", `gpu=${keyFile}`], {}, place);

    expect([exitCode, errors]).toEqual([0, ""]);
    expect(output).toMatch(/^ok {4}gpu exchange +qwen3-max answered in /m);
    expect(output).not.toContain("very-secret");
    expect(statSync(configOf(place)).mode & 0o777).toBe(0o600);
    expect(readdirSync(place.folder)).toEqual([]);

    const { answer, lines } = await chat(place);
    expect(answer).toBe("Hello from vLLM");
    expect(lines).toContain(`Served by gpu (${server.url})`);
    expect(lines).toContain(`Settings from ${configOf(place)}`);
    expect(server.completions.at(-1)?.headers.get("authorization")).toBe("Bearer sk-very-secret");
    const doctor = await runBinary(["doctor"], {}, place);
    expect([doctor.exitCode, doctor.output]).toEqual([0, expect.stringMatching(/^ok {4}gpu key +accepted/m)]);
  });

  test("finds a server where it looks, and takes keys from standard input", async () => {
    await using server = vllm();
    using place = createPlace();
    const found = await runBinary(["setup", "--yes", "--look-at", server.url], {}, place);
    const words = ["setup", "--yes", "--look-at", "none", "--untested", "--dashscope-key", "-"];
    const added = await runBinary(words, {}, place, "sk-from-a-pipe\n");

    expect([found.exitCode, added.exitCode]).toEqual([0, 0]);
    expect(added.output).not.toContain("from-a-pipe");
    expect(Bun.YAML.parse(readFileSync(configOf(place), "utf8"))).toEqual({
      upstreams: [{ name: "vllm", dialect: "vllm", base_url: server.url }],
      dashscope_api_key: "sk-from-a-pipe",
    });
  });

  test("--config writes another file, which serve reads when it is named", async () => {
    await using server = vllm();
    using place = createPlace();
    const path = join(place.folder, "gateway.yaml");
    await runBinary(["setup", "--yes", "--look-at", server.url, "--config", path], {}, place);

    expect(existsSync(configOf(place))).toBe(false);
    expect((await chat(place, ["--config", path])).answer).toBe("Hello from vLLM");
    // Nothing is read from the working directory by itself.
    expect((await chat(place)).answer).toContain("emulator");
  });

  test("ends with 1 and writes nothing when an upstream refuses, and with 2 when it is told nonsense", async () => {
    await using locked = serveCompatible([ready], { "/v1/models": wrongKey });
    using place = createPlace();
    const words = ["setup", "--yes", "--look-at", "none"];
    const refused = await runBinary([...words, "--upstream", `mine=${locked.url}`], {}, place);
    const nothing = await runBinary(words, {}, place);
    const nonsense = await runBinary([...words, "--upstream", "mine"], {}, place);
    const nobody = await runBinary(["setup"], {}, place);

    expect([refused, nothing, nonsense, nobody].map(({ exitCode }) => exitCode)).toEqual([1, 1, 2, 2]);
    expect(refused.output).toMatch(/^fail {2}mine key .*\n +-> give it the key/m);
    expect(refused.errors).toStartWith("Nothing was written: ");
    expect(nobody.errors).toStartWith("Cannot ask, since standard input is not a terminal");
    expect(readdirSync(place.home)).toEqual([]);
  });
});

describe("setup with questions", () => {
  test("asks at a terminal, does not show the key that is typed, and serve answers with it", async () => {
    await using server = vllm();
    using place = createPlace();
    await using terminal = startAtTerminal(["setup", "--look-at", "none"], {}, place);
    await terminal.answer("nothing more: ", "1");
    await terminal.answer("Its address: ", server.url);
    await terminal.answer("needs none): ", "sk-typed-secret");
    await terminal.answer("nothing more: ", "");
    await terminal.answer("Write it? [Y/n] ", "y");

    expect([await terminal.exited, terminal.shown]).toEqual([0, expect.stringContaining("Written: ")]);
    expect(terminal.shown).toContain(`Taken for vLLM at ${server.url} with 1 key`);
    expect(terminal.shown).toContain(`curl http://127.0.0.1:8787/v1/chat/completions`);
    // What is typed elsewhere is echoed.
    expect(terminal.shown).toContain(`Its address: ${server.url}`);
    expect(terminal.shown).not.toContain("typed-secret");
    expect((await chat(place)).answer).toBe("Hello from vLLM");
    expect(server.completions.at(-1)?.headers.get("authorization")).toBe("Bearer sk-typed-secret");
  });

  test("Ctrl-C at the key writes nothing", async () => {
    using place = createPlace();
    await using terminal = startAtTerminal(["setup", "--look-at", "none"], {}, place);
    await terminal.answer("nothing more: ", "3");
    await terminal.answer("(not shown): ", "ms-secret\u0003");

    expect([await terminal.exited, terminal.shown]).toEqual([1, expect.stringContaining("Nothing was written")]);
    expect(terminal.shown).not.toContain("ms-secret");
    expect(existsSync(configOf(place))).toBe(false);
  });

  test("--ask takes the answers from a pipe", async () => {
    await using server = vllm();
    using place = createPlace();
    const { exitCode, errors } = await runBinary(["setup", "--ask", "--look-at", server.url], {}, place, "y\n\ny\n");

    expect(exitCode).toBe(0);
    expect(errors).toContain(`Use vLLM at ${server.url} (model qwen3-max)? [Y/n] `);
    expect((await chat(place)).answer).toBe("Hello from vLLM");
  });
});
