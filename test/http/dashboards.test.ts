// The dashboard and the alert rules in deploy/ ask for what a running gateway tells, by its names and its labels.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ReplyMetrics } from "../../src/telemetry/reply-metrics.ts";
import { type FakeServer, serveCompatible } from "../support/fake-compatible-server.ts";
import { type FakeCollector, serveCollector } from "../support/fake-collector.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { parseMetrics } from "../support/read-metrics.ts";
import { failing, modelsRoute, saying } from "../support/several-upstreams.ts";
import { user } from "./client.ts";

const folder = join(import.meta.dir, "..", "..", "deploy");
/** What Prometheus itself puts on a sample. */
const scrapeLabels = ["instance", "job"];
const ownMetric = /\b(?:qwen_gateway_|streaming_|process_|nodejs_)[a-z0-9_]+/g;

interface Told {
  /** Of samples, by metric: `le` of a histogram among them. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
  /** Values that a label had or may have. */
  values(metric: string, label: string): ReadonlySet<string>;
}

let told: Told;
let harness: Harness;
let own: FakeServer;
let collector: FakeCollector;

beforeAll(async () => {
  collector = serveCollector();
  own = serveCompatible([failing, saying("Good day")], modelsRoute("local"));
  harness = await startHarness({
    environment: {
      UPSTREAMS: JSON.stringify([
        { name: "one", dialect: "vllm", base_url: own.url, max_concurrent: 1, queue_size: 0 },
      ]),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      MAX_STREAMS: "50",
    },
  });
  await harness.app.capture.watchSession("watched", 60_000);
  const local = { model: "local", stream: true, messages: [user("Hello")] };
  const web = { ...local, model: "qwen3-max" };
  // A retry, a refused one in line, a bad request, and two turns of one chat.
  const answers = await Promise.all([harness.chat(local), harness.chat(local), harness.chat({ messages: "none" })]);
  await Promise.all(answers.map((answer) => answer.text()));
  await (await harness.chat(web, { headers: { "x-session-id": "watched" } })).text();
  told = readMetrics(await (await harness.get("/metrics")).text());
});

afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await own[Symbol.asyncDispose]();
  await collector[Symbol.asyncDispose]();
});

function readMetrics(text: string): Told {
  const samples = parseMetrics(text);
  const labels = new Map<string, Set<string>>();
  for (const [, name = "", type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const names = type === "histogram" ? ["_bucket", "_sum", "_count"].map((ending) => name + ending) : [name];
    for (const one of names) labels.set(one, new Set());
  }
  // What did not happen here, such as a failure of the database, has no sample: the gateway's own list knows its labels.
  const { counters, histograms } = new ReplyMetrics();
  for (const { name, labelNames } of counters) for (const label of labelNames) labels.get(name)?.add(label);
  for (const { name, labelNames } of histograms) {
    for (const label of ["le", ...labelNames]) labels.get(`${name}_bucket`)?.add(label);
  }
  for (const sample of samples) for (const name of Object.keys(sample.labels)) labels.get(sample.name)?.add(name);
  return {
    labels,
    values: (metric, label) =>
      new Set(samples.filter(({ name }) => name === metric).map((sample) => sample.labels[label] ?? "")),
  };
}

interface Asked {
  readonly where: string;
  readonly expression: string;
}

function dashboardExpressions(): Asked[] {
  // The file's own form; a wrong one fails the test that reads it.
  const { panels } = JSON.parse(readFileSync(join(folder, "grafana-dashboard.json"), "utf8")) as {
    panels: { id: number; title: string; type: string; targets?: { expr: string }[] }[];
  };
  return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expression: expr })));
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

function alertRules(): Rule[] {
  const text = readFileSync(join(folder, "prometheus-alerts.yml"), "utf8");
  // As above.
  return (Bun.YAML.parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);
}

/** What is wrong with an expression, in words; none: a gateway tells all that it asks for. */
function findStrange({ where, expression }: Asked): string[] {
  const metrics = [...new Set(expression.match(ownMetric) ?? [])];
  if (metrics.length === 0 && !expression.startsWith("up{")) return [`${where}: asks for nothing of ours`];
  const strange: string[] = [];
  for (const metric of metrics) {
    const known = told.labels.get(metric);
    if (known === undefined) strange.push(`${where}: there is no ${metric}`);
    else if (known.size === 0 && expression.includes("by (") && !/by \((?:le, )?instance\)/.test(expression))
      strange.push(`${where}: ${metric} had no sample, so that its labels are not known`);
  }
  const labels = new Set([...scrapeLabels, ...metrics.flatMap((metric) => [...(told.labels.get(metric) ?? [])])]);
  for (const [, list = ""] of expression.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const name of list.split(", ")) if (!labels.has(name)) strange.push(`${where}: no label ${name}`);
  }
  for (const [, metric = "", matchers = ""] of expression.matchAll(/([a-z0-9_]+)\{([^}]*)\}/g)) {
    for (const [, name = "", operator, value = ""] of matchers.matchAll(/(\w+)(=~|=)"([^"]*)"/g)) {
      if (scrapeLabels.includes(name)) continue;
      if (told.labels.get(metric)?.has(name) !== true) strange.push(`${where}: ${metric} has no label ${name}`);
      const values = told.values(metric, name);
      const wanted = operator === "=" ? [value] : value.startsWith("$") ? [] : value.split("|");
      for (const one of wanted) if (!values.has(one)) strange.push(`${where}: ${metric} has no ${name}="${one}"`);
    }
  }
  return strange;
}

function isBalanced(expression: string): boolean {
  let depth = 0;
  for (const character of expression.replaceAll(/"[^"]*"/g, "")) {
    if (character === "(" || character === "{" || character === "[") depth++;
    if (character === ")" || character === "}" || character === "]") depth--;
    if (depth < 0) return false;
  }
  return depth === 0;
}

describe("deploy/grafana-dashboard.json", () => {
  test("asks for names and labels that a running gateway tells", () => {
    const asked = dashboardExpressions();

    expect(asked.length).toBeGreaterThan(30);
    expect(asked.flatMap(findStrange)).toEqual([]);
    expect(asked.filter(({ expression }) => !isBalanced(expression))).toEqual([]);
  });

  test("shows every metric of the gateway's own, but for sums and counts", () => {
    const shown = new Set(dashboardExpressions().flatMap(({ expression }) => expression.match(ownMetric) ?? []));
    const own = [...told.labels.keys()].filter((name) => /^(?:qwen_gateway|streaming)_/.test(name));
    const isPart = (name: string): boolean =>
      /_(?:sum|count)$/.test(name) && told.labels.has(name.replace(/_(?:sum|count)$/, "_bucket"));

    expect(own.filter((name) => !shown.has(name) && !isPart(name))).toEqual([]);
  });
});

describe("deploy/prometheus-alerts.yml", () => {
  test("asks for names and labels that a running gateway tells", () => {
    const asked = alertRules().map(({ alert, expr }) => ({ where: alert, expression: expr }));

    expect(asked.length).toBeGreaterThan(12);
    expect(asked.flatMap(findStrange)).toEqual([]);
    expect(asked.filter(({ expression }) => !isBalanced(expression))).toEqual([]);
  });

  test("has one name, one severity and one sentence for each rule, and no label in it that is lost", () => {
    const rules = alertRules();

    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { expr, labels, annotations } of rules) {
      expect(["info", "warning", "critical"]).toContain(labels["severity"] ?? "");
      const kept = /sum by \(([^)]*)\)/.exec(expr)?.[1]?.split(", ");
      const named = [...(annotations["summary"] ?? "").matchAll(/\$labels\.(\w+)/g)].map(([, name = ""]) => name);
      expect(named.filter((name) => kept !== undefined && !kept.includes(name))).toEqual([]);
    }
  });
});

test("findStrange knows a wrong name, a wrong label and a wrong value", () => {
  const strange = (expression: string) => findStrange({ where: "x", expression });

  expect(strange("sum by (upstream) (rate(qwen_gateway_nothing_total[5m]))")).toContain(
    "x: there is no qwen_gateway_nothing_total",
  );
  expect(strange("sum by (colour) (qwen_gateway_queue_depth)")).toEqual(["x: no label colour"]);
  expect(strange('qwen_gateway_upstream_state{state="lost"} == 1')).toEqual([
    'x: qwen_gateway_upstream_state has no state="lost"',
  ]);
});
