// Which model writes down what is said: the one of the settings, or one that an upstream lists and whose name tells.

import type { Upstream } from "../contract/upstream.ts";
import type { Speech } from "../server/speech-route.ts";

const listMs = 5000;
/** Families of speech recognition, as servers call them (2026-11). */
const heard =
  /whisper|transcri|speech-to-text|parakeet|canary|voxtral|sense-?voice|paraformer|(?:^|[^a-z])(?:asr|stt)(?:[^a-z]|$)/i;

/** @param configured of the settings. @defaultValue found out */
export function createSpeech(upstreams: () => readonly Upstream[], configured: string | undefined): Speech {
  const able = () => upstreams().filter(({ forwarding }) => forwarding?.serves("audio/transcriptions") === true);
  return {
    isPossible: () => able().length > 0,
    async findModel(signal) {
      if (configured !== undefined) return configured;
      const limited = AbortSignal.any([signal, AbortSignal.timeout(listMs)]);
      for (const upstream of able()) {
        const models = await upstream.listModels(limited).catch(() => []);
        const found = models.find(({ id }) => heard.test(id))?.id;
        if (found !== undefined) return upstreams().length === 1 ? found : `${upstream.name}/${found}`;
      }
      return undefined;
    },
  };
}
