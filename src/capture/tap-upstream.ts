// An upstream whose calls are known as those of the exchange that it serves. Off, it costs one look for each attempt.

import type { ForwardedAnswer } from "../contract/forward.ts";
import type { Upstream, UpstreamReply } from "../contract/upstream.ts";
import type { Recorder, RecorderSwitch } from "./recorder.ts";

export function tapUpstream<Tapped extends Upstream>(upstream: Tapped, capture: RecorderSwitch): Tapped {
  const { forwarding, name } = upstream;
  return {
    ...upstream,
    open(request, context) {
      const { recorder } = capture;
      if (recorder === undefined) return upstream.open(request, context);
      const { requestId } = context;
      const signal = tapSignal(context.signal, recorder, requestId, name);
      return recorder
        .running(requestId, name, () => upstream.open(request, { ...context, signal }))
        .then((reply) => tapReply(reply, recorder, requestId, name));
    },
    ...(forwarding === undefined
      ? {}
      : {
          forwarding: {
            serves: (endpoint) => forwarding.serves(endpoint),
            forward(request, context): Promise<ForwardedAnswer> {
              const { recorder } = capture;
              if (recorder === undefined) return forwarding.forward(request, context);
              const signal = tapSignal(context.signal, recorder, context.requestId, name);
              return recorder.running(context.requestId, name, () =>
                forwarding.forward(request, { ...context, signal }),
              );
            },
          },
        }),
  };
}

/** What listens to it acts as the exchange's: whoever aborts knows of none. */
function tapSignal(signal: AbortSignal, recorder: Recorder, requestId: string, upstream: string): AbortSignal {
  if (signal.aborted) return signal;
  const controller = new AbortController();
  const pass = (): void => recorder.running(requestId, upstream, () => controller.abort(signal.reason));
  signal.addEventListener("abort", pass, { once: true });
  return controller.signal;
}

/** What it calls at its end is called by timers and sockets, which know of no exchange. */
function tapReply(reply: UpstreamReply, recorder: Recorder, requestId: string, upstream: string): UpstreamReply {
  const { account, model, body, decoder, passThrough, cutAt } = reply;
  return {
    account,
    model,
    body,
    decoder,
    ...(passThrough === undefined ? {} : { passThrough }),
    ...(cutAt === undefined ? {} : { cutAt }),
    ...(reply.recover === undefined
      ? {}
      : { recover: (said) => recorder.running(requestId, upstream, async () => reply.recover?.(said)) }),
    onEnd: (ending, error) => recorder.running(requestId, upstream, () => reply.onEnd(ending, error)),
  };
}
