// The page: what runs, how to reach it, what it does, what it did.

import { useRef } from "preact/hooks";
import { KeyForm } from "../../views/key-form.tsx";
import type { Status } from "../facts.ts";
import type { StatusState } from "../state.ts";
import { durationWords, sizeWords } from "../words.ts";
import { Connect } from "./connect.tsx";
import { Masthead, type MastheadProps } from "./masthead.tsx";
import { Plots } from "./plots.tsx";
import { Streams } from "./streams.tsx";
import { Accounts, Upstreams } from "./upstreams.tsx";

export interface StatusPageProps extends MastheadProps {
  readonly onKey: (key: string) => Promise<void>;
  readonly onEnd: (id: string) => void;
}

export function StatusPage(props: StatusPageProps) {
  const { state, onEnd } = props;
  const { facts, trouble, answeredAtMs } = state;
  return (
    <>
      <Masthead {...props} />
      <main class={trouble === undefined ? "content" : "content stale"}>
        {trouble !== undefined && (
          <p class="notice trouble">
            <strong>{answeredAtMs === undefined ? "The gateway does not answer." : "What stands here is old."}</strong>{" "}
            {trouble === "" ? "It may be restarting, or the network is away." : `${trouble}.`} This page goes on asking.
          </p>
        )}
        <OtherVersion version={facts?.status.version ?? state.health?.version} />
        {facts === undefined ? <Tiles state={state} /> : <FactTiles status={facts.status} />}
        <Door {...props} />
        <Connect clients={state.clients} />
        {facts !== undefined && (
          <>
            <div class="pair">
              <Upstreams upstreams={facts.upstreams} />
              <Accounts accounts={facts.accounts} />
            </div>
            <Streams streams={facts.streams} ending={state.ending} notice={state.endingNotice} onEnd={onEnd} />
            <Plots samples={state.samples} toMs={state.samplesToMs} />
          </>
        )}
      </main>
    </>
  );
}

/** The page came with another gateway than the one that answers now. */
function OtherVersion({ version }: { readonly version: string | undefined }) {
  const first = useRef(version);
  first.current ??= version;
  if (version === first.current || version === undefined) return null;
  return (
    <p class="notice">
      The gateway is version {version} now, and this page came with {first.current}. <a href=".">Load it anew</a>
    </p>
  );
}

const adminKeyWords = {
  label: "Upstreams, accounts and streams need an admin key",
  help: "One of ADMIN_KEY, or a stored key with the scope admin. It stays in this tab and is forgotten when you close it.",
};

const unknownKey = "The gateway does not know this key. Check it, or ask whoever runs the gateway for another.";

function Door({ state: { door }, onKey }: StatusPageProps) {
  if (door.state === "shut") return <p class="notice">{door.sentence}.</p>;
  if (door.state !== "wants-key") return null;
  const refusal = door.sentence === "" ? unknownKey : `The gateway does not take this key. ${door.sentence}.`;
  return (
    <section class="card">
      <KeyForm isRefused={door.isRefused} onKey={onKey} words={{ ...adminKeyWords, refusal }} />
    </section>
  );
}

function FactTiles({ status }: { readonly status: Status }) {
  const { accounts } = status;
  return (
    <dl class="tiles">
      <Tile name="Version" value={status.version} note={status.runtime} />
      <Tile name="Up for" value={durationWords(status.uptimeMs)} />
      <Tile name="Live streams" value={String(status.liveStreams)} />
      <Tile name="Queued" value={String(status.waiting)} />
      <Tile name="Accounts ready" value={accounts.total === 0 ? "none" : `${accounts.ready} of ${accounts.total}`} />
      <Tile name="Memory" value={sizeWords(status.rssBytes)} />
    </dl>
  );
}

/** What everybody may know. */
function Tiles({ state: { health } }: { readonly state: StatusState }) {
  return (
    <dl class="tiles">
      <Tile name="Version" value={health?.version ?? "…"} />
      <Tile name="Up for" value={health === undefined ? "…" : durationWords(health.uptimeMs)} />
      <Tile name="Live streams" value={health === undefined ? "…" : String(health.liveStreams)} />
      <Tile name="Upstreams" value={health?.upstreams.join(", ") ?? "…"} />
    </dl>
  );
}

function Tile({ name, value, note }: { readonly name: string; readonly value: string; readonly note?: string }) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        {value}
        {note !== undefined && <span class="faint">{note}</span>}
      </dd>
    </div>
  );
}
