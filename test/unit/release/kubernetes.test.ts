// The manifests for Kubernetes: valid by its schemas, without a field that it does not know, and true of this gateway.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StatefulSet } from "kubernetes-models/apps/v1/StatefulSet";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Secret } from "kubernetes-models/v1/Secret";
import { Service } from "kubernetes-models/v1/Service";
import { parse, parseAllDocuments } from "yaml";
import manifest from "../../../package.json";
import { loadConfig } from "../../../src/config/load-config.ts";
import { startHarness } from "../../support/harness.ts";
import { readProjectFile, root } from "../house/source-files.ts";

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const models = {
  StatefulSet,
  HorizontalPodAutoscaler,
  NetworkPolicy,
  PodDisruptionBudget,
  ConfigMap,
  Secret,
  Service,
} as const;
type Kind = keyof typeof models;

const folder = "deploy/kubernetes";
const files = readdirSync(join(root, folder)).filter((name) => name.endsWith(".yaml") && name !== "kustomization.yaml");
const resources: readonly Resource[] = files.flatMap((name) =>
  parseAllDocuments(readProjectFile(`${folder}/${name}`)).map((document) => document.toJS()),
);
const work = mkdtempSync(join(tmpdir(), "kubernetes-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function validate(resource: Resource): void {
  // Each model checks the fields that it is given; which they are only Kubernetes knows.
  const Model = models[resource.kind as Kind] as unknown as new (data: object) => { validate(): void };
  new Model(resource).validate();
}

/** The compiler refuses a field that the type does not have, which the schemas let through, as a cluster does. */
function findUnknownFields(checked: readonly Resource[]): string {
  const lines = checked.map(({ kind, apiVersion, ...rest }, index) => {
    const path = `kubernetes-models/${apiVersion}/${kind}`;
    return `export const r${index}: import("${path}").I${kind} = ${JSON.stringify({ apiVersion, kind, ...rest })};`;
  });
  writeFileSync(join(work, "resources.ts"), lines.join("\n"));
  const options = { module: "preserve", strict: true, noEmit: true, skipLibCheck: true, types: [] };
  writeFileSync(join(work, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["resources.ts"] }));
  rmSync(join(work, "node_modules"), { force: true });
  symlinkSync(join(root, "node_modules"), join(work, "node_modules"));
  const check = Bun.spawnSync([join(root, "node_modules/.bin/tsc"), "--project", work], { cwd: work });
  return check.stdout.toString();
}

/** The only one of its kind, or the one of this name. */
function find<K extends Kind>(kind: K, name = "qwen-gateway"): InstanceType<(typeof models)[K]> {
  const found = resources.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  // Valid by the tests below.
  return found as unknown as InstanceType<(typeof models)[K]>;
}

describe("the manifests", () => {
  test("are those that a team needs, and the example of a secret", () => {
    expect(resources.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()).toEqual([
      "ConfigMap qwen-gateway",
      "HorizontalPodAutoscaler qwen-gateway",
      "NetworkPolicy qwen-gateway",
      "PodDisruptionBudget qwen-gateway",
      "Secret qwen-gateway",
      "Service qwen-gateway",
      "Service qwen-gateway-pods",
      "StatefulSet qwen-gateway",
    ]);
  });

  test.each(resources.map((resource) => [resource.kind, resource.metadata.name, resource] as const))(
    "%s %s is valid by the schema of its version",
    (_kind, _name, resource) => {
      expect(() => validate(resource)).not.toThrow();
    },
  );

  test("have no field that Kubernetes does not know", () => {
    expect(findUnknownFields(resources)).toBe("");
  });

  test("a wrong value and an unknown field are found", () => {
    const [budget] = resources.filter(({ kind }) => kind === "PodDisruptionBudget");
    const wrong = { ...budget!, spec: { maxUnavailable: [1] } };

    expect(() => validate(wrong)).toThrow();
    expect(findUnknownFields([{ ...budget!, ...{ spec: { maxUnavailible: 1 } } }])).toContain("maxUnavailible");
  }, 60_000);

  test("kustomization.yaml takes all of them but the secret, and the image of this version", () => {
    const { resources: listed, images } = parse(readProjectFile(`${folder}/kustomization.yaml`));

    expect([...listed].sort()).toEqual(files.filter((name) => name !== "secret.example.yaml").sort());
    expect(images).toEqual([{ name: "qwen-gateway", newName: "ghcr.io/OWNER/qwen-gateway", newTag: manifest.version }]);
    expect(find("StatefulSet").spec?.template.spec?.containers[0]?.image).toBe("qwen-gateway");
  });
});

describe("the pod", () => {
  const pod = find("StatefulSet").spec!.template.spec!;
  const container = pod.containers[0]!;
  const settings = find("ConfigMap").data!;

  test("has settings that the gateway accepts, and an example of keys that it does not", () => {
    const example = find("Secret").stringData!;

    const load = (environment: Readonly<Record<string, string>>) =>
      loadConfig({ environment: { ...settings, ...environment }, flags: {} }).config;

    expect(load({ API_KEY: "sk-one", MASTER_KEY: "0".repeat(64) })).toMatchObject({
      host: "0.0.0.0",
      port: 8787,
      dataDir: "/data",
      drainTimeoutMs: 120_000,
      maxStreams: 2000,
    });
    for (const [name, value] of Object.entries(example)) {
      expect(() => load({ [name]: value })).toThrow(name);
    }
  });

  test("has time for its endpoints to be forgotten, for its drain, and to close", () => {
    const seconds = container.lifecycle?.preStop?.sleep?.seconds ?? 0;

    expect(seconds).toBeGreaterThanOrEqual(5);
    // What the gateway itself asks a service manager for is 10 s beyond its drain.
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(
      seconds + Number(settings["DRAIN_TIMEOUT_MS"]) / 1000 + 10,
    );
  });

  test("is asked on routes that answer without a key, and the autoscaler for a metric that there is", async () => {
    await using harness = await startHarness({ environment: { API_KEY: "sk-one" } });
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    const metrics = await fetch(`${harness.url}/metrics`, { headers: { authorization: "Bearer sk-one" } });

    for (const probe of probes) {
      const { httpGet } = probe!;
      // As the kubelet asks: by the pod's address.
      const response = await fetch(harness.url + httpGet!.path!, { headers: { host: "10.1.2.3:8787" } });
      expect([httpGet!.path, httpGet!.port, response.status]).toEqual([httpGet!.path, "http", 200]);
    }
    const { metrics: scaled } = find("HorizontalPodAutoscaler").spec!;
    const names = scaled!.flatMap(({ pods }) => pods?.metric.name ?? []);
    expect(names).toEqual(["streaming_connections_active"]);
    expect(await metrics.text()).toContain(`\n${names[0]} `);
  });

  // Each apply would set it again: an update of ten pods would leave two, and end the streams of the others.
  test("says no number of pods, which is the autoscaler's", () => {
    expect(find("StatefulSet").spec).not.toHaveProperty("replicas");
  });

  test("is scaled out before it refuses", () => {
    const [open] = find("HorizontalPodAutoscaler").spec!.metrics!;

    expect(Number(open?.pods?.target.averageValue)).toBeLessThan(Number(settings["MAX_STREAMS"]) * 0.75);
  });

  test("may do nothing but serve, as the image has it", () => {
    const [, uid] = /^USER (\d+):\d+$/m.exec(readProjectFile("Dockerfile")) ?? [];

    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: Number(uid), fsGroup: Number(uid) });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(container.volumeMounts).toEqual([{ name: "data", mountPath: settings["DATA_DIR"]! }]);
  });

  test("is found by everything that selects it", () => {
    const { labels } = find("StatefulSet").spec!.template.metadata!;
    const selectors = [
      find("StatefulSet").spec!.selector.matchLabels,
      find("Service").spec!.selector,
      find("Service", "qwen-gateway-pods").spec!.selector,
      find("PodDisruptionBudget").spec!.selector?.matchLabels,
      find("NetworkPolicy").spec!.podSelector?.matchLabels,
    ];

    for (const selector of selectors) expect(selector).toEqual(labels!);
    expect(find("StatefulSet").spec!.serviceName).toBe("qwen-gateway-pods");
    expect(find("HorizontalPodAutoscaler").spec!.scaleTargetRef).toMatchObject({
      kind: "StatefulSet",
      name: "qwen-gateway",
    });
    const ports = [find("Service"), find("Service", "qwen-gateway-pods")].flatMap(({ spec }) => spec!.ports ?? []);
    expect(ports.map(({ targetPort }) => targetPort)).toEqual(["http", "http"]);
    expect(find("NetworkPolicy").spec!.ingress![0]!.ports![0]!.port).toBe(Number(settings["PORT"]));
  });
});
