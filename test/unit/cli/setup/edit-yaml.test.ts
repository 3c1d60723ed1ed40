// Single keys of a YAML file changed in its text.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { editYaml } from "../../../../src/cli/setup/edit-yaml.ts";
import { runsOf } from "../../../property/runs.ts";

const edit = (text: string | undefined, changes: Readonly<Record<string, unknown>>) =>
  editYaml(text, new Map(Object.entries(changes)));

describe("editYaml", () => {
  test("makes a file that says where it comes from", () => {
    const { text, losesText } = edit(undefined, { port: 1, upstreams: [{ name: "a" }] });

    expect(text).toBe(
      '# Settings of qwen-gateway, by "qwen-gateway setup". What else may stand here: qwen-gateway serve --help\n' +
        "port: 1\nupstreams:\n  - name: a\n",
    );
    expect(losesText).toBe(false);
  });

  test("adds behind what is there, which stays as it is", () => {
    const before = "# mine\nport: 8787 # the usual one\n\n# nothing follows";
    expect(edit(before, { log_level: "debug" })).toEqual({ text: `${before}\nlog_level: debug\n`, losesText: false });
  });

  test("replaces the lines of its key alone, and says that something is gone", () => {
    const before =
      "# keys\napi_key:\n  - a # ann\n  - b\n\n# of the port\nport: 1\nallowed_hosts: [x,\n  y]\nhost: '::1'\n";
    expect(edit(before, { api_key: ["c"], allowed_hosts: ["z"] })).toEqual({
      text: "# keys\napi_key:\n  - c\n\n# of the port\nport: 1\nallowed_hosts:\n  - z\nhost: '::1'\n",
      losesText: true,
    });
  });

  test("takes a key out, and does not mind one that is not there", () => {
    expect(edit("a: 1\nb: 2\n", { a: undefined, c: undefined })).toEqual({ text: "b: 2\n", losesText: true });
  });

  test.each([
    ["indented", "upstreams:\n  - name: a # first\n    base_url: http://a\nport: 1\n"],
    ["not indented", "upstreams:\n- name: a # first\n  base_url: http://a\n\n# the port\nport: 1\n"],
  ])("lengthens a list that is %s without touching its items", (_form, before) => {
    const known = { name: "a", base_url: "http://a" };
    const { text, losesText } = edit(before, { upstreams: [known, { name: "b", models: ["m"] }] });

    expect(losesText).toBe(false);
    for (const line of before.split("\n")) expect(text.split("\n")).toContain(line);
    expect(Bun.YAML.parse(text)).toEqual({ upstreams: [known, { name: "b", models: ["m"] }], port: 1 });
  });

  test("lengthens an object without touching its entries", () => {
    const before = "mcp_servers:\n    files: # mine\n        command: mcp-files\nport: 1\n";
    const servers = { files: { command: "mcp-files" }, web: { url: "http://a/mcp" } };
    const { text, losesText } = edit(before, { mcp_servers: servers });

    expect(losesText).toBe(false);
    for (const line of before.split("\n")) expect(text.split("\n")).toContain(line);
    expect(Bun.YAML.parse(text)).toEqual({ mcp_servers: servers, port: 1 });
  });

  test.each([
    ["in braces", "{port: 1, host: localhost}\n"],
    ["with an end mark", "port: 1\nhost: localhost\n...\n"],
    ["with anchors that a change would cut", "log_level: &l debug\nport: 1\nhost: localhost\nlog_format: *l\n"],
  ])("writes a file %s anew when its text cannot be changed", (_form, before) => {
    const { text, losesText } = edit(before, { log_level: "info" });

    expect(losesText).toBe(true);
    expect(Bun.YAML.parse(text)).toMatchObject({ port: 1, host: "localhost", log_level: "info" });
  });

  test("reads as wanted whatever is changed, and keeps every line of the other keys", () => {
    const word = fc.string({ maxLength: 12 });
    const value = fc.oneof(word, fc.integer(), fc.boolean(), fc.array(word, { maxLength: 3 }));
    const names = ["port", "host", "api_key", "upstreams", "models"] as const;
    const file = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 5 });
    fc.assert(
      fc.property(file, file, (before, changes) => {
        const written = Object.entries(before).map(
          ([key, entry]) => `# of ${key}\n${Bun.YAML.stringify({ [key]: entry }, null, 2)}`,
        );
        const { text } = edit(written.join("\n"), changes);
        const parsed: unknown = Bun.YAML.parse(text);

        expect(parsed ?? {}).toEqual({ ...before, ...changes });
        for (const key of Object.keys(before)) expect(text).toContain(`# of ${key}\n`);
      }),
      runsOf("editYaml", 200),
    );
  });

  test("keeps the line ends of Windows", () => {
    const text = "port: 1 # mine\r\nupstreams:\r\n  - name: a\r\n    base_url: http://a\r\nhost: b\r\n";
    const upstreams = [
      { name: "a", base_url: "http://a" },
      { name: "c", base_url: "http://c" },
    ];

    expect(
      editYaml(
        text,
        new Map<string, unknown>([
          ["upstreams", upstreams],
          ["log_level", "warn"],
        ]),
      ),
    ).toEqual({
      text:
        "port: 1 # mine\r\nupstreams:\r\n  - name: a\r\n    base_url: http://a\r\n" +
        "  - name: c\r\n    base_url: http://c\r\nhost: b\r\nlog_level: warn\r\n",
      losesText: false,
    });
  });
});
