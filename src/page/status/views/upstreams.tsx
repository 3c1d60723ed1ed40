// What serves, and the accounts that it is asked with.

import type { AccountFacts, UpstreamFacts } from "../facts.ts";
import { accountWords, circuitWords, clockWords, upstreamWords } from "../words.ts";
import { ScrollBox } from "./scroll-box.tsx";
import { StateText } from "./state-text.tsx";

export function Upstreams({ upstreams }: { readonly upstreams: readonly UpstreamFacts[] }) {
  return (
    <section class="card" aria-labelledby="upstreams-title">
      <h2 id="upstreams-title">Upstreams</h2>
      <ScrollBox class="table-box" label="Table of upstreams">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">State</th>
              <th scope="col">Circuit</th>
              <th scope="col" class="number">
                Running
              </th>
              <th scope="col" class="number">
                Queued
              </th>
              <th scope="col">Last failure</th>
            </tr>
          </thead>
          <tbody>
            {upstreams.map((upstream) => (
              <tr key={upstream.name}>
                <th scope="row">{upstream.name}</th>
                <td>
                  <StateText words={upstreamWords(upstream.state, upstream.isPaused)} />
                </td>
                <td>
                  <StateText words={circuitWords(upstream.circuit)} />
                </td>
                <td class="number">{upstream.running}</td>
                <td class="number">{upstream.waiting}</td>
                <td>
                  <LastFailure upstream={upstream} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollBox>
    </section>
  );
}

function LastFailure({ upstream: { lastFailure } }: { readonly upstream: UpstreamFacts }) {
  if (lastFailure === undefined) return "none";
  return (
    <>
      {lastFailure.kind}
      <span class="faint reason">at {clockWords(lastFailure.atMs)}</span>
    </>
  );
}

export function Accounts({ accounts }: { readonly accounts: readonly AccountFacts[] }) {
  return (
    <section class="card" aria-labelledby="accounts-title">
      <h2 id="accounts-title">Accounts</h2>
      {accounts.length === 0 ? (
        <p class="faint">
          There is none of yours yet. <code>qwen-gateway accounts add</code> adds one.
        </p>
      ) : (
        <ScrollBox class="table-box" label="Table of accounts">
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Upstream</th>
                <th scope="col">State</th>
                <th scope="col" class="number">
                  Streams
                </th>
              </tr>
            </thead>
            <tbody>
              {accounts.map((account) => (
                <tr key={`${account.upstream} ${account.id}`}>
                  <th scope="row">{account.alias}</th>
                  <td>{account.upstream}</td>
                  <td>
                    <StateText words={accountWords(account.state, account.untilMs)} />
                    {account.reason !== undefined && <span class="faint reason">{account.reason}</span>}
                  </td>
                  <td class="number">{account.openReplies}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollBox>
      )}
    </section>
  );
}
