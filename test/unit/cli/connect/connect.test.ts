// qwen-gateway connect and disconnect beyond the single agents: edited files, broken ones, links, and what is only shown.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canMountDisk, mountSmallDisk } from "../../../support/small-disk.ts";
import { createHomeStage } from "./stage.ts";

const claude = ".claude/settings.json";

describe("connect", () => {
  test("takes address, key and model from the gateway's settings, and masks the key", async () => {
    using stage = createHomeStage();
    stage.write(".config/qwen-gateway/config.yaml", "port: 9999\napi_key: [sk-own]\ndefault_model: qwen-plus\n");

    const { printed } = await stage.run(["connect", "claude-code"]);

    const { env } = JSON.parse(readFileSync(join(stage.home, claude), "utf8"));
    expect(env.ANTHROPIC_BASE_URL).toBe("http://127.0.0.1:9999");
    expect(env.ANTHROPIC_AUTH_TOKEN).toBe("sk-own");
    expect(env.ANTHROPIC_MODEL).toBe("qwen-plus");
    expect(printed).not.toContain("sk-own");
  });

  test("takes them from the file of variables that the gateway is started with", async () => {
    using stage = createHomeStage();
    const settings = stage.write("settings.env", "PORT=9999\nAPI_KEY=sk-own\nDEFAULT_MODEL=qwen-plus\n");

    const { exitCode } = await stage.run(["connect", "claude-code", "--env-file", settings]);

    const { env } = JSON.parse(readFileSync(join(stage.home, claude), "utf8"));
    expect(exitCode).toBe(0);
    expect([env.ANTHROPIC_BASE_URL, env.ANTHROPIC_AUTH_TOKEN, env.ANTHROPIC_MODEL]).toEqual([
      "http://127.0.0.1:9999",
      "sk-own",
      "qwen-plus",
    ]);
  });

  test("says when others can read the key in a file that was there", async () => {
    using stage = createHomeStage();
    chmodSync(stage.write(claude, "{}"), 0o644);

    const { printed } = await stage.run(["connect", "claude-code"], { API_KEY: "sk-own" });

    expect(printed).toContain("Others on this machine can read your key in it: chmod 600 ");
  });

  test("sends no key of this gateway to another address", async () => {
    using stage = createHomeStage();

    await stage.run(["connect", "claude-code", "--url", "https://else.example.com"], { API_KEY: "sk-own" });

    expect(readFileSync(join(stage.home, claude), "utf8")).not.toContain("sk-own");
  });

  test("refuses a key as a flag and does not repeat it", async () => {
    using stage = createHomeStage();

    const { exitCode, complaints } = await stage.run(["connect", "claude-code", "--key", "sk-spoken"]);

    expect(exitCode).toBe(2);
    expect(complaints).toContain("Cannot read a file for --key");
    expect(complaints).not.toContain("sk-spoken");
  });

  test("shows by --dry-run what would change, without values that may be secret, and writes nothing", async () => {
    using stage = createHomeStage();
    const before = '{"env": {"ANTHROPIC_AUTH_TOKEN": "sk-theirs", "ANTHROPIC_MODEL": "claude"}}';
    const path = stage.write(claude, before);

    const { printed } = await stage.run(["connect", "claude-code", "--dry-run"]);

    expect(printed).toContain(`Would change ${path}`);
    expect(printed).toContain('env.ANTHROPIC_MODEL: "qwen3-max", in place of "claude"');
    expect(printed).not.toContain("sk-theirs");
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(readdirSync(stage.home)).toEqual([".claude"]);
  });

  test("prints variables for a shell by --print, or says that an agent has none", async () => {
    using stage = createHomeStage();

    const printed = await stage.run(["connect", "qwen-code", "--print", "--key", "env:KEY"], { KEY: "it's" });
    const none = await stage.run(["connect", "codex", "--print"]);

    expect(printed.printed).toBe(
      "export OPENAI_BASE_URL='http://127.0.0.1:8787/v1'\n" +
        "export OPENAI_API_KEY='it'\\''s'\nexport OPENAI_MODEL='qwen3-max'",
    );
    expect(none.exitCode).toBe(1);
    expect(none.complaints).toContain("settings file is needed");
    expect(readdirSync(stage.home)).toEqual([]);
  });

  test("lists the agents, where each is, and what it is connected to", async () => {
    using stage = createHomeStage();
    mkdirSync(join(stage.home, ".codex"));
    await stage.run(["connect", "claude-code", "--url", "http://10.0.0.1:1"]);

    const { printed } = await stage.run(["connect"]);

    expect(printed).toMatch(/^claude-code +found +connected to http:\/\/10\.0\.0\.1:1 with qwen3-max$/m);
    expect(printed).toMatch(/^codex +found +not connected$/m);
    expect(printed).toMatch(/^aider +not found +not connected$/m);
  });

  test("connects again to another address, and disconnect still knows the file of the beginning", async () => {
    using stage = createHomeStage();
    const before = 'model = "a"\n';
    const path = stage.write(".codex/config.toml", before);
    await stage.run(["connect", "codex"]);

    await stage.run(["connect", "codex", "--url", "http://10.0.0.1:1", "--model", "b"]);

    expect(readFileSync(path, "utf8")).toContain('base_url = "http://10.0.0.1:1/v1"');
    expect(readFileSync(path, "utf8").match(/model_providers/g)).toHaveLength(1);
    await stage.run(["disconnect", "codex"]);
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("connects back to what its owner had written", async () => {
    using stage = createHomeStage();
    const before =
      'model = "a"\nmodel_context_window = 131072\nmodel_provider = "qwen-gateway"\n[model_providers.qwen-gateway]\nname = "qwen-gateway"\n' +
      'base_url = "http://127.0.0.1:8787/v1"\nwire_api = "responses"\n';
    const path = stage.write(".codex/config.toml", before);
    await stage.run(["connect", "codex", "--model", "b"]);

    const { printed } = await stage.run(["connect", "codex", "--model", "a"]);

    expect(printed).toContain("works on http://127.0.0.1:8787 with a");
    expect(readFileSync(path, "utf8")).toBe(before);
    await stage.run(["disconnect", "codex"]);
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("refuses to connect again over its own block when somebody else has changed that since", async () => {
    using stage = createHomeStage();
    const path = join(stage.home, ".codex/config.toml");
    await stage.run(["connect", "codex"]);
    const edited = readFileSync(path, "utf8").replace('wire_api = "responses"', 'wire_api = "chat"');
    writeFileSync(path, edited);

    const { exitCode, complaints } = await stage.run(["connect", "codex", "--model", "b"]);

    expect(exitCode).toBe(1);
    expect(complaints).toContain('"model_providers.qwen-gateway" is there already, and was not written by connect');
    expect(readFileSync(path, "utf8")).toBe(edited);
  });

  test("does not bring back a file that somebody has removed meanwhile", async () => {
    using stage = createHomeStage();
    const path = stage.write(claude, '{"theme": "dark"}');
    await stage.run(["connect", "claude-code"]);
    rmSync(path);

    await stage.run(["connect", "claude-code"]);

    expect(readFileSync(path, "utf8")).not.toContain("theme");
    expect(readdirSync(join(stage.home, ".local/share/qwen-gateway/connected-agents"))).toEqual(["claude-code.json"]);
    await stage.run(["disconnect", "claude-code"]);
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ["claude-code", claude, '{"env": {', /line 1: /],
    ["claude-code", claude, '{"env": "FOO=1"}', /"env" is no object/],
    ["claude-code", claude, "[]", /does not hold an object/],
    ["claude-code", claude, '{"env": {"ANTHROPIC_MODEL": ["a"]}}', /holds more than one value/],
    ["codex", ".codex/config.toml", "model = \n", /cannot be read/],
    ["codex", ".codex/config.toml", 'model_providers = { a = { name = "b" } }\n', /only its owner should change/],
    ["codex", ".codex/config.toml", 'model = """\na"""\n', /only its owner should change/],
    ["continue", ".continue/config.yaml", "models: [{name: a}]\n", /only its owner should change/],
    ["continue", ".continue/config.yaml", "models: none\n", /"models" is no list/],
    ["codex", ".codex/config.toml", '[model_providers.qwen-gateway]\nname = "mine"\n', /was not written by connect/],
    ["opencode", ".config/opencode/opencode.json", '{"provider": {"qwen-gateway": {}}}', /was not written by connect/],
    ["continue", ".continue/config.yaml", "models:\n  - name: Qwen by qwen-gateway\n", /was not written by connect/],
    [
      "zed",
      ".config/zed/settings.json",
      '{"language_models": {"openai_compatible": {"qwen-gateway": {"api_url": "http://mine"}}}}',
      /"language_models.openai_compatible.qwen-gateway" is there already, and was not written by connect/,
    ],
    ["aider", ".aider.conf.yml", "model: [\n", /cannot be read/],
    ["aider", ".aider.conf.yml", "{model: a}\n", /only its owner should change/],
  ])("of %s writes nothing into %s with %j", async (agent, file, before, reason) => {
    using stage = createHomeStage();
    const path = stage.write(file, before);

    const { exitCode, complaints } = await stage.run(["connect", agent]);

    expect(exitCode).toBe(1);
    expect(complaints).toMatch(reason);
    expect(complaints).toStartWith(`Cannot change "${path}": `);
    expect(complaints).toEndWith("Nothing was written");
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(existsSync(join(stage.home, ".local"))).toBe(false);
  });

  test("writes nothing into what is no text or no file, nor through a link that leads nowhere", async () => {
    using stage = createHomeStage();
    const path = stage.write(claude, "");
    writeFileSync(path, new Uint8Array([0x7b, 0xff, 0x7d]));
    mkdirSync(join(stage.home, ".codex", "config.toml"), { recursive: true });
    mkdirSync(join(stage.home, ".qwen"));
    symlinkSync("gone", join(stage.home, ".qwen", "settings.json"));

    expect((await stage.run(["connect", "claude-code"])).complaints).toContain("it is not UTF-8 text");
    expect((await stage.run(["connect", "codex"])).complaints).toContain("it is not an ordinary file");
    expect((await stage.run(["connect", "qwen-code"])).complaints).toContain("it is a link that leads nowhere");
  });

  test("says in words which file cannot be written, and why", async () => {
    using stage = createHomeStage();
    stage.write("file", "");
    const HOME = join(stage.home, "file");

    expect(await stage.run(["connect", "claude-code"], { HOME })).toMatchObject({
      exitCode: 1,
      complaints: expect.stringMatching(/^Cannot write ".+": a part of its path is a file\. Nothing was written$/),
    });
  });

  test.skipIf(!canMountDisk)(
    "leaves all as it was on a full disk, and says so (skipped without the right to mount)",
    async () => {
      using stage = createHomeStage();
      using disk = mountSmallDisk(join(stage.home, "small"));
      if (disk === undefined) throw new Error("Cannot mount a disk");
      const HOME = disk.folder;
      stage.write(`small/${claude}`, "{}");
      stage.write("small/.local/share/qwen-gateway/connected-agents/other.json", "");
      disk.fill();

      const refused = await stage.run(["connect", "claude-code"], { HOME });
      const folder = join(HOME, ".local/share/qwen-gateway/connected-agents");
      const left = [readFileSync(join(HOME, claude), "utf8"), readdirSync(folder)];
      disk.free();
      const connected = await stage.run(["connect", "claude-code"], { HOME });

      expect([refused.exitCode, refused.complaints]).toEqual([
        1,
        "Cannot change the agent's settings: the disk is full. Nothing was written",
      ]);
      expect(left).toEqual(["{}", ["other.json"]]);
      expect(connected.exitCode).toBe(0);
    },
  );

  test("remembers the folders that it made before it says so", async () => {
    using stage = createHomeStage();
    const records = join(stage.home, ".local/share/qwen-gateway/connected-agents");
    const read = () => JSON.parse(readFileSync(join(records, "claude-code.json"), "utf8"));

    await stage.run(["connect", "claude-code"]);
    const { folders } = read();
    await stage.run(["connect", "claude-code", "--url", "http://127.0.0.1:9998"]);

    expect(folders).toEqual([join(stage.home, ".claude")]);
    expect(read().folders).toEqual(folders);
  });

  test.each([
    [["--context-tokens", "0"], "--context-tokens"],
    [["--context-tokens", "many"], "--context-tokens"],
    [["--fast-model", "two words"], "--fast-model"],
  ])("refuses %j and names it", async (words, name) => {
    using stage = createHomeStage();

    const { exitCode, complaints } = await stage.run(["connect", "codex", ...words]);

    expect([exitCode, complaints.includes(`Cannot use ${name}`)]).toEqual([2, true]);
  });

  test("gives the roles of the small and the fast model to the main one, unless they have models of their own", async () => {
    using stage = createHomeStage();
    const path = join(stage.home, ".continue/config.yaml");
    await stage.run(["connect", "continue"]);
    const one = readFileSync(path, "utf8");
    await stage.run(["connect", "continue", "--small-model", "qwen3-small"]);
    const several = readFileSync(path, "utf8");

    expect(one).toContain("- summarize");
    expect(one.match(/model:/g)).toHaveLength(1);
    expect(several.match(/model: qwen3-small/g)).toHaveLength(2);
  });

  test("says which variables of the shell win over the file", async () => {
    using stage = createHomeStage();
    const shell = { OPENAI_BASE_URL: "http://mine", OPENAI_API_KEY: "sk-mine", OPENAI_MODEL: "" };

    const shown = await stage.run(["connect", "qwen-code", "--dry-run"], shell);
    const { printed } = await stage.run(["connect", "qwen-code"], shell);
    const quiet = await stage.run(["connect", "claude-code"], { ANTHROPIC_BASE_URL: "http://mine" });

    for (const text of [shown.printed, printed])
      expect(text).toContain(
        "Your shell sets OPENAI_BASE_URL and OPENAI_API_KEY, which win over this file: unset them",
      );
    expect(printed).not.toContain("sk-mine");
    expect(quiet.printed).not.toContain("Your shell");
  });

  test("says which agents there are when it does not know one", async () => {
    using stage = createHomeStage();

    expect((await stage.run(["connect", "claude"])).complaints).toContain('Unknown agent "claude"');
    expect((await stage.run(["connect", "codx"])).complaints).toContain('did you mean "codex"?');
    expect((await stage.run(["disconnect"])).complaints).toContain("name one of claude-code, codex");
  });

  test("keeps the mode of a file, and follows a link, also out of the home, which it says", async () => {
    using stage = createHomeStage();
    const outside = mkdtempSync(join(tmpdir(), "qwen-gateway-dotfiles-"));
    const real = join(outside, "settings.json");
    writeFileSync(real, "{}");
    chmodSync(real, 0o640);
    mkdirSync(join(stage.home, ".claude"));
    symlinkSync(real, join(stage.home, claude));

    const { printed } = await stage.run(["connect", "claude-code"]);

    expect(printed).toContain(`is a link to ${real}, outside of your home`);
    expect(readFileSync(real, "utf8")).toContain("ANTHROPIC_BASE_URL");
    expect(statSync(real).mode & 0o777).toBe(0o640);
    await stage.run(["disconnect", "claude-code"]);
    expect(readFileSync(real, "utf8")).toBe("{}");
    expect(lstatSync(join(stage.home, claude)).isSymbolicLink()).toBe(true);
    rmSync(outside, { recursive: true });
  });
});

describe("disconnect", () => {
  test("takes out only its own entries when the file was edited meanwhile, and says so", async () => {
    using stage = createHomeStage();
    const path = stage.write(claude, '{\n  "env": { "ANTHROPIC_MODEL": "claude" }\n}\n');
    await stage.run(["connect", "claude-code"]);
    const edited = JSON.parse(readFileSync(path, "utf8"));
    edited.theme = "dark";
    edited.env.ANTHROPIC_BASE_URL = "http://mine";
    writeFileSync(path, JSON.stringify(edited, null, 2));

    const { printed } = await stage.run(["disconnect", "claude-code"]);

    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      env: { ANTHROPIC_MODEL: "claude", ANTHROPIC_BASE_URL: "http://mine" },
      theme: "dark",
    });
    expect(printed).toContain("was edited meanwhile, so only the gateway's own entries were taken out");
    expect(printed).toContain("env.ANTHROPIC_BASE_URL was changed by somebody else and stays");
  });

  test.each([
    ["codex", ".codex/config.toml", 'approval_policy = "never"\n', "# later\n"],
    ["continue", ".continue/config.yaml", "name: a\nversion: 1.0.0\nschema: v1\n", "# later\n"],
    ["aider", ".aider.conf.yml", "dark-mode: true\n", "# later\n"],
  ])("of %s leaves in %s what was written behind its entries", async (agent, file, before, more) => {
    using stage = createHomeStage();
    const path = stage.write(file, before);
    await stage.run(["connect", agent]);
    writeFileSync(path, readFileSync(path, "utf8") + more);

    await stage.run(["disconnect", agent]);

    expect(readFileSync(path, "utf8")).toBe(before + more);
  });

  test("of a file that was made and then edited leaves what others wrote", async () => {
    using stage = createHomeStage();
    const path = join(stage.home, claude);
    await stage.run(["connect", "claude-code"]);
    writeFileSync(path, readFileSync(path, "utf8").replace("{", '{\n  "theme": "dark",'));

    await stage.run(["disconnect", "claude-code"]);

    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ theme: "dark" });
  });

  test("takes out what the agent has written anew by itself", async () => {
    using stage = createHomeStage();
    const path = join(stage.home, ".cline/data/settings/providers.json");
    await stage.run(["connect", "cline"]);
    writeFileSync(path, readFileSync(path, "utf8").replace("2026-01-01", "2026-11-27"));

    const { printed } = await stage.run(["disconnect", "cline"]);

    expect(printed).not.toContain("stays");
    expect(existsSync(path)).toBe(false);
  });

  test("removes a file that was made and then only written in another form", async () => {
    using stage = createHomeStage();
    const path = join(stage.home, claude);
    await stage.run(["connect", "claude-code"]);
    writeFileSync(path, JSON.stringify(JSON.parse(readFileSync(path, "utf8"))));

    await stage.run(["disconnect", "claude-code"]);

    expect(existsSync(join(stage.home, ".claude"))).toBe(false);
  });

  test("puts a file back byte for byte that the agent has only written in another form", async () => {
    using stage = createHomeStage();
    const before = '{"version": 1,\n\t"lastUsedProvider": "anthropic", "modes": {}, "providers": {}}';
    const path = stage.write(".cline/data/settings/providers.json", before);
    await stage.run(["connect", "cline"]);
    writeFileSync(path, JSON.stringify(JSON.parse(readFileSync(path, "utf8")), null, 4));

    const { printed } = await stage.run(["disconnect", "cline"]);

    expect(printed).toContain("is as it was");
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("keeps a comment that was written meanwhile", async () => {
    using stage = createHomeStage();
    const path = stage.write(".config/zed/settings.json", '{ "theme": "One Dark" }');
    await stage.run(["connect", "zed"]);
    writeFileSync(path, `// mine\n${readFileSync(path, "utf8")}`);

    await stage.run(["disconnect", "zed"]);

    expect(readFileSync(path, "utf8")).toStartWith("// mine\n");
  });

  test("writes nothing and stays connected when the file has become unreadable", async () => {
    using stage = createHomeStage();
    const path = stage.write(claude, "{}");
    await stage.run(["connect", "claude-code"]);
    writeFileSync(path, "{");

    const { exitCode, complaints } = await stage.run(["disconnect", "claude-code"]);

    expect(exitCode).toBe(1);
    expect(complaints).toStartWith(`Cannot change "${path}": it cannot be read`);
    expect((await stage.run(["connect"])).printed).toMatch(/claude-code .* connected to/);
  });

  test("says when there is nothing to do", async () => {
    using stage = createHomeStage();
    expect((await stage.run(["disconnect", "codex"])).printed).toBe("Codex is not connected");

    await stage.run(["connect", "codex"]);
    rmSync(join(stage.home, ".codex"), { recursive: true });

    expect((await stage.run(["disconnect", "codex"])).printed).toContain("is gone already");
    expect(readdirSync(join(stage.home, ".local/share/qwen-gateway/connected-agents"))).toEqual([]);
  });
});
