// What `qwen-gateway doctor` asks a shared store: whether it serves, and whether it would keep what it is given. Changes nothing.

import { RedisClient } from "bun";
import type { DoctorLine } from "../../contract/doctor-line.ts";
import { settledWithin } from "../../contract/settled-within.ts";
import { plainHost } from "../../outbound/plain-host.ts";
import { describeAddress } from "./address.ts";
import { refusalOf } from "./store-errors.ts";

const subject = "shared store";
const patienceMs = 3000;
const roundTrips = 20;
const mostSkewMs = 2000;
/** COPY, and scripts that may write after they have asked for the time. */
const oldestVersion = [6, 2] as const;

export async function examineStore(url: string): Promise<DoctorLine[]> {
  const client = new RedisClient(url, {
    autoReconnect: false,
    enableOfflineQueue: false,
    connectionTimeout: patienceMs,
  });
  const limit = setTimeout(() => client.close(), patienceMs);
  try {
    await client.connect();
    return await examine(client, url);
  } catch (error) {
    return [await explainFailure(url, error)];
  } finally {
    clearTimeout(limit);
    client.close();
  }
}

async function examine(client: RedisClient, url: string): Promise<DoctorLine[]> {
  const info = parseInfo(String(await client.send("INFO", [])));
  const skewMs = await measureSkew(client);
  const product = info.has("valkey_version") ? "Valkey" : "Redis";
  const version = info.get("valkey_version") ?? info.get("redis_version") ?? "of an unknown version";
  const finding = `${describeAddress(url)} answers in ${(await measureRoundTrip(client)).toFixed(2)} ms (${product} ${version})`;
  const lines: DoctorLine[] = [{ verdict: "ok", subject, finding }];
  const warn = (what: string, advice: string): void =>
    void lines.push({ verdict: "warn", subject, finding: what, advice });

  if (isOlder(info.get("redis_version") ?? "")) {
    const advice = "use Redis 6.2, Valkey 7.2 or later";
    lines.push({ verdict: "fail", subject, finding: `${product} ${version} is too old`, advice });
  }
  if (info.get("role") === "slave") {
    const advice = "give the address of the primary in STORE_URL";
    lines.push({ verdict: "fail", subject, finding: "it is a replica, which takes no writes", advice });
  }
  if (info.get("cluster_enabled") === "1") {
    const advice = "use one primary with replicas instead";
    lines.push({
      verdict: "fail",
      subject,
      finding: "it is a cluster, over which scripts cannot reach all keys",
      advice,
    });
  }
  if (info.get("aof_enabled") === "0") {
    warn(
      "a restart loses what it was given since its last snapshot: conversations, accounts, keys",
      'set "appendonly yes" there',
    );
  }
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (info.get("maxmemory") !== "0" && policy !== "noeviction") {
    warn(
      `it forgets conversations and keys when its memory is full (${policy})`,
      'set "maxmemory-policy noeviction" there',
    );
  }
  if (!(await mayListen(client))) {
    warn(
      "its user may not listen to channels: that a gateway died is noticed after 10 s instead of 3",
      'let it use "&qwen-gateway:*" there',
    );
  }
  if (Math.abs(skewMs) > mostSkewMs) {
    warn(`its clock and that of this machine are ${Math.round(Math.abs(skewMs) / 1000)} s apart`, "set both by NTP");
  }
  return lines;
}

/** The last question to this connection: it listens from then on. */
async function mayListen(client: RedisClient): Promise<boolean> {
  try {
    await client.subscribe("qwen-gateway:here:doctor", () => {});
    return true;
  } catch (error) {
    if (refusalOf(error)?.word === "NOPERM") return false;
    throw error;
  }
}

/** The client says of all refusals that the connection was closed. */
async function explainFailure(url: string, error: unknown): Promise<DoctorLine> {
  const address = describeAddress(url);
  const refusal = refusalOf(error)?.sentence;
  if (refusal !== undefined) {
    return { verdict: "fail", subject, finding: `${address}: ${refusal}`, advice: "look at the server's settings" };
  }
  const { hostname, port } = new URL(url);
  const isOpen = await canConnect(plainHost(hostname), Number(port || 6379));
  const [finding, advice] = isOpen
    ? ["refuses the connection", "look at user, password, TLS (rediss://) and database number in STORE_URL"]
    : ["cannot be reached", "start it, or look at host and port in STORE_URL"];
  return { verdict: "fail", subject, finding: `${address} ${finding}`, advice };
}

async function canConnect(hostname: string, port: number): Promise<boolean> {
  try {
    // Ended as soon as it is open, however late that is.
    const connected = Bun.connect({ hostname, port, socket: { open: (socket) => void socket.end(), data() {} } });
    return await settledWithin(connected, patienceMs);
  } catch {
    // Whatever stands in the way: it cannot be reached.
    return false;
  }
}

async function measureRoundTrip(client: RedisClient): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < roundTrips; index++) {
    const beforeMs = performance.now();
    await client.send("PING", []);
    times.push(performance.now() - beforeMs);
  }
  return times.sort((one, other) => one - other)[roundTrips / 2] ?? 0;
}

async function measureSkew(client: RedisClient): Promise<number> {
  const beforeMs = Date.now();
  const [seconds, micros] = (await client.send("TIME", [])) as [string, string];
  return Number(seconds) * 1000 + Number(micros) / 1000 - (beforeMs + Date.now()) / 2;
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  const pairs = text.split("\n").flatMap((line) => {
    const [name = "", value = ""] = line.trim().split(":", 2);
    return name === "" || name.startsWith("#") ? [] : [[name, value] as const];
  });
  return new Map(pairs);
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < oldestVersion[0] || (major === oldestVersion[0] && minor < oldestVersion[1]);
}
