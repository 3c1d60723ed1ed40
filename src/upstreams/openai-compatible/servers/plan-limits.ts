// The limits of an upstream: as its settings say, and as its plan or service is known to have them.

import type { Config, UpstreamSettings } from "../../../config/config-schema.ts";
import type { Rate, UpstreamLimits } from "../../../contract/limits.ts";
import type { DialectName } from "../dialect.ts";

export type Tier = NonNullable<UpstreamSettings["tier"]>;

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/**
 * Requests that a Coding Plan pays for (coding-plan-faq of Model Studio, 2026-10; developer.aliyun article 1751004). Its
 * periods are taken as running ones, so that they are never overrun. A Token Plan counts credits, which no request tells.
 */
const codingPlanRates: Readonly<Record<Tier, readonly Rate[]>> = {
  lite: [
    { limit: 1200, windowMs: 5 * hourMs },
    { limit: 9000, windowMs: 7 * dayMs },
    { limit: 18_000, windowMs: 30 * dayMs },
  ],
  pro: [
    { limit: 6000, windowMs: 5 * hourMs },
    { limit: 45_000, windowMs: 7 * dayMs },
    { limit: 90_000, windowMs: 30 * dayMs },
  ],
};

export function limitsOf(
  settings: UpstreamSettings,
  config: Pick<Config, "queueSize" | "queueWaitMs">,
): UpstreamLimits {
  const { dialect, plan = "coding", tier = "pro" } = settings;
  return {
    requests: [
      ...perMinute(settings.requests_per_minute, dialect),
      // Of an unknown tier it is known that none has more than the largest.
      ...(dialect === "dashscope-plans" && plan === "coding" ? codingPlanRates[tier] : []),
    ],
    tokens: perMinute(settings.tokens_per_minute, dialect),
    queueSize: settings.queue_size ?? config.queueSize,
    queueWaitMs: settings.queue_wait_ms ?? config.queueWaitMs,
    ...(settings.max_concurrent === undefined ? {} : { maxConcurrent: settings.max_concurrent }),
    ...(settings.ramp_per_second === undefined ? {} : { rampPerSecond: settings.ramp_per_second }),
  };
}

/** DashScope holds a limit of a minute also within each second, at a sixtieth (rate-limit page, 2026-10). */
function perMinute(limit: number | undefined, dialect: DialectName | undefined): Rate[] {
  if (limit === undefined) return [];
  const minute = { limit, windowMs: minuteMs };
  return dialect === "dashscope" ? [minute, { limit: Math.ceil(limit / 60), windowMs: secondMs }] : [minute];
}
