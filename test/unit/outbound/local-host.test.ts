import { describe, expect, test } from "bun:test";
import { isLocalHost } from "../../../src/outbound/local-host.ts";

describe("isLocalHost", () => {
  test.each([
    "localhost",
    "LOCALHOST",
    "gpu.localhost",
    "127.0.0.1",
    "127.8.0.1",
    "[::1]",
    "10.0.0.5",
    "172.16.3.4",
    "192.168.1.20",
    "100.101.102.103",
    "169.254.1.1",
    "[fd00::5]",
    "[fe80::1]",
    "0.0.0.0",
  ])("isLocalHost takes %p for an address of this machine or its network", (host) => {
    expect(isLocalHost(host)).toBe(true);
  });

  test.each([
    "ollama",
    "gpu-box",
    "studio.local",
    "host.docker.internal",
    "vllm.default.svc.cluster.local",
    "nas.home.arpa",
  ])("isLocalHost takes the name %p for one that no public server can have", (host) => {
    expect(isLocalHost(host)).toBe(true);
  });

  test.each([
    "dashscope-intl.aliyuncs.com",
    "api-inference.modelscope.cn",
    "example.com",
    "local.example.com",
    "8.8.8.8",
    "172.32.0.1",
    "[2606:4700::1111]",
    "",
  ])("isLocalHost does not take %p for local", (host) => {
    expect(isLocalHost(host)).toBe(false);
  });
});
