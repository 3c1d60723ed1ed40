// Whether a host of Qwen can be reached from here, and how far our clock is from its clock.

import type { DoctorLine } from "../../../contract/doctor-line.ts";
import { codeOf } from "../../../contract/thrown.ts";
import { describeDuration } from "../../../credentials/account-state.ts";
import { type HttpClient, readText } from "../../../outbound/http-client.ts";
import { classifyBody } from "../errors.ts";

export interface ProbeOptions {
  readonly http: HttpClient;
  readonly userAgent: string;
}

export interface Probe {
  readonly line: DoctorLine;
  readonly isReached: boolean;
  /** Its own time, as its answer says. */
  readonly dateMs: number | undefined;
}

const probeTimeoutMs = 10_000;
const mostReadBytes = 64 * 1024;

/** Any answer will do, also a refusal: it is asked without credentials. @param setting the name of its address */
export async function probeHost(
  { http, userAgent }: ProbeOptions,
  subject: string,
  url: string,
  path: string,
  setting: string,
): Promise<Probe> {
  const signal = AbortSignal.timeout(probeTimeoutMs);
  const startedAtMs = performance.now();
  try {
    const headers = { accept: "application/json, text/plain, */*", "user-agent": userAgent, source: "web" };
    const response = await http.send({ method: "GET", url: url + path, headers, signal });
    const { status } = response;
    const milliseconds = Math.round(performance.now() - startedAtMs);
    const type = (response.headers.get("content-type") ?? "").toLowerCase();
    const text = await readText(response.body, mostReadBytes, signal);
    const dateMs = Date.parse(response.headers.get("date") ?? "");
    const line = judgeAnswer(subject, `${url} answered ${status} in ${milliseconds} ms`, status, type, text);
    return { line, isReached: true, dateMs: Number.isNaN(dateMs) ? undefined : dateMs };
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const code = signal.aborted ? "TimeoutError" : codeOf(cause);
    const finding = `${url} cannot be reached: ${words[code] ?? (code || "the connection failed")}`;
    const line: DoctorLine = { verdict: "fail", subject, finding, advice: `${adviceFor(code)}, or at ${setting}` };
    return { line, isReached: false, dateMs: undefined };
  }
}

function judgeAnswer(subject: string, answered: string, status: number, type: string, text: string): DoctorLine {
  const isChallenge =
    !type.includes("event-stream") &&
    classifyBody(text, type, { status, retryAfterMs: undefined }).kind === "upstream-challenge";
  if (isChallenge) {
    const advice =
      "this address of the network is watched more closely: requests with the headers of your browser may pass, see docs/web-upstream.md";
    return { verdict: "warn", subject, finding: `${answered}, with a page of its firewall`, advice };
  }
  if (status >= 500) return { verdict: "fail", subject, finding: answered, advice: "wait a few minutes and try again" };
  return { verdict: "ok", subject, finding: answered };
}

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name cannot be resolved",
  EAI_AGAIN: "its name cannot be resolved",
  ECONNREFUSED: "nothing answers there",
  ConnectionRefused: "nothing answers there",
  ECONNRESET: "the connection was closed",
  TimeoutError: "no answer within 10 s",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is not the host's own",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
};

function adviceFor(code: string): string {
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "check the DNS of this machine, and HTTPS_PROXY";
  if (code.includes("CERT")) return "something intercepts the connection: check the proxy of this network";
  return "check the network, the firewall and HTTPS_PROXY of this machine";
}

/** Beyond it the last minutes of a short token are misjudged. */
const warnMs = 30_000;
/** Tokens are renewed when they have three minutes left. */
const failMs = 180_000;

/** @param aheadMs how far our clock is before the other one */
export function clockLine(aheadMs: number): DoctorLine {
  const apartMs = Math.abs(aheadMs);
  const subject = "clock";
  if (apartMs < warnMs) return { verdict: "ok", subject, finding: "agrees with Qwen's" };
  const finding = `${describeDuration(apartMs)} ${aheadMs > 0 ? "ahead of" : "behind"} Qwen's`;
  const advice = "set the clock of this machine (timedatectl set-ntp true): the life of tokens is counted by it";
  return { verdict: apartMs < failMs ? "warn" : "fail", subject, finding, advice };
}
