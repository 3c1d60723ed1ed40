// The last hour: three plots, each with its sums in words, and the same figures as a table.

import { useEffect, useRef, useState } from "preact/hooks";
import type { SampleFacts } from "../facts.ts";
import type { Plot as DrawnPlot, PlotColors } from "../plot.ts";
import {
  type Columns,
  errorsByMinute,
  firstTokens,
  hourOf,
  minuteMs,
  requestsByMinute,
  type Series,
  totalOf,
} from "../series.ts";
import { clockWords, countWords, minuteWords, waitWords } from "../words.ts";
import { ScrollBox } from "./scroll-box.tsx";

export interface PlotsProps {
  readonly samples: readonly SampleFacts[];
  readonly toMs: number;
}

export function Plots({ samples, toMs }: PlotsProps) {
  const requests = requestsByMinute(samples, toMs);
  const errors = errorsByMinute(samples, toMs);
  const waits = firstTokens(samples, toMs);
  const latest = samples.findLast(({ firstToken }) => firstToken !== undefined)?.firstToken;
  return (
    <section class="card plots" aria-labelledby="plots-title">
      <h2 id="plots-title">The last hour</h2>
      <div class="plot-row">
        <PlotFigure
          title="Requests a minute"
          kind="bars"
          columns={requests}
          toMs={toMs}
          colors="outcomes"
          summary={summaryOf(requests, "No requests")}
        />
        <PlotFigure
          title="First token"
          kind="lines"
          columns={waits}
          toMs={toMs}
          colors="waits"
          summary={
            latest === undefined
              ? "No words yet"
              : `Last: half within ${waitWords(latest.p50)}, 95 % within ${waitWords(latest.p95)}`
          }
        />
        <PlotFigure
          title="Errors a minute"
          kind="bars"
          columns={errors}
          toMs={toMs}
          colors="kinds"
          summary={summaryOf(errors, "No errors")}
        />
      </div>
      <SampleTable samples={samples} toMs={toMs} />
    </section>
  );
}

function summaryOf({ series }: Columns, none: string): string {
  const told = series.filter((one) => totalOf(one) > 0).map((one) => `${totalOf(one)} ${one.label}`);
  return told.length === 0 ? none : told.join(", ");
}

interface PlotFigureProps {
  readonly title: string;
  readonly kind: "bars" | "lines";
  readonly columns: Columns;
  readonly toMs: number;
  /** Which colours the series have, by the stylesheet. */
  readonly colors: string;
  readonly summary: string;
}

function PlotFigure({ title, kind, columns, toMs, colors, summary }: PlotFigureProps) {
  const host = useRef<HTMLDivElement>(null);
  const figure = useRef<HTMLElement>(null);
  const plot = useRef<DrawnPlot>(undefined);
  const shown = useRef({ columns, toMs });
  shown.current = { columns, toMs };
  const [point, setPoint] = useState<number>();
  const theme = useTheme();
  const labels = columns.series.map(({ label }) => label).join();

  useEffect(() => {
    let isGone = false;
    void import("../plot.ts").then(
      ({ drawPlot }) => {
        if (isGone || host.current === null || figure.current === null) return;
        plot.current = drawPlot({
          host: host.current,
          kind,
          ...shown.current,
          colors: colorsOf(figure.current, host.current),
          formatTime: minuteWords,
          formatValue: kind === "bars" ? String : waitWords,
          onPoint: setPoint,
        });
      },
      // Offline, or a new version has taken the file away: sums and table stand there without it.
      () => {},
    );
    return () => {
      isGone = true;
      plot.current?.close();
      plot.current = undefined;
    };
  }, [labels, theme]);
  useEffect(() => plot.current?.show(columns, toMs), [columns, toMs]);

  return (
    <figure ref={figure} class={`plot ${colors}`}>
      <figcaption>
        <h3>{title}</h3>
        <span class="faint at" aria-hidden="true">
          {point === undefined ? "" : placeWords(columns, point, kind)}
        </span>
        <p class="faint">{summary}</p>
      </figcaption>
      <div ref={host} class="plot-host" role="img" aria-label={`${title}: ${summary}`} />
      <ul class="legend" aria-hidden="true">
        {columns.series.map((series) => (
          <li key={series.label}>
            <span class="swatch" />
            {series.label}
            <span class="faint">{valueAt(series, point, kind)}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function valueAt({ values }: Series, point: number | undefined, kind: PlotFigureProps["kind"]): string {
  const value = point === undefined ? undefined : values[point];
  if (value === undefined || value === null) return "";
  return kind === "bars" ? String(value) : waitWords(value);
}

function placeWords({ atMs }: Columns, point: number, kind: PlotFigureProps["kind"]): string {
  const at = atMs[point];
  if (at === undefined) return "";
  return kind === "bars" ? minuteWords(at) : clockWords(at);
}

/** As the stylesheet has them now: what is drawn on a canvas knows no variables. */
function colorsOf(figure: HTMLElement, host: HTMLElement): PlotColors {
  const swatches = [...figure.querySelectorAll(".swatch")];
  const style = getComputedStyle(host);
  return {
    series: swatches.map((swatch) => getComputedStyle(swatch).backgroundColor),
    text: style.color,
    grid: style.borderTopColor,
  };
}

/** Another value whenever the colours are others. */
function useTheme(): number {
  const [changes, setChanges] = useState(0);
  useEffect(() => {
    const changed = () => setChanges((count) => count + 1);
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", changed);
    const chosen = new MutationObserver(changed);
    chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      system.removeEventListener("change", changed);
      chosen.disconnect();
    };
  }, []);
  return changes;
}

interface Minute {
  readonly atMs: number;
  readonly samples: SampleFacts[];
}

function SampleTable({ samples, toMs }: PlotsProps) {
  const [isOpen, setOpen] = useState(false);
  const { fromMs } = hourOf(toMs);
  const minutes: Minute[] = [];
  for (const sample of isOpen ? samples : []) {
    if (sample.atMs < fromMs) continue;
    const atMs = Math.floor(sample.atMs / minuteMs) * minuteMs;
    if (minutes.at(-1)?.atMs !== atMs) minutes.push({ atMs, samples: [] });
    minutes.at(-1)?.samples.push(sample);
  }
  return (
    <details class="figures" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The same as a table</summary>
      {isOpen && minutes.length === 0 && <p class="faint">Nothing has happened in the last hour.</p>}
      {minutes.length > 0 && (
        <ScrollBox class="table-box tall" label="Figures of the last hour">
          <table>
            <thead>
              <tr>
                <th scope="col">Minute</th>
                <th scope="col">Complete</th>
                <th scope="col">Aborted</th>
                <th scope="col">Failed</th>
                <th scope="col">Refused</th>
                <th scope="col">Slowest first token (95 %)</th>
                <th scope="col">Live at once</th>
                <th scope="col">Errors</th>
              </tr>
            </thead>
            <tbody>
              {minutes.toReversed().map((minute) => (
                <MinuteRow key={minute.atMs} minute={minute} />
              ))}
            </tbody>
          </table>
        </ScrollBox>
      )}
    </details>
  );
}

function MinuteRow({ minute }: { readonly minute: Minute }) {
  const total = (read: (sample: SampleFacts) => number) =>
    minute.samples.reduce((sum, sample) => sum + read(sample), 0);
  const waits = minute.samples.flatMap(({ firstToken }) => firstToken?.p95 ?? []);
  const kinds = new Map<string, number>();
  for (const { errors } of minute.samples) {
    for (const [kind, count] of Object.entries(errors)) kinds.set(kind, (kinds.get(kind) ?? 0) + count);
  }
  return (
    <tr>
      <th scope="row">{minuteWords(minute.atMs)}</th>
      <td>{total(({ complete }) => complete)}</td>
      <td>{total(({ aborted }) => aborted)}</td>
      <td>{total(({ failed }) => failed)}</td>
      <td>{total(({ refused }) => refused)}</td>
      <td>{waits.length === 0 ? "none" : waitWords(Math.max(...waits))}</td>
      <td>{countWords(Math.max(...minute.samples.map(({ liveStreams }) => liveStreams)), "stream", "streams")}</td>
      <td>{[...kinds].map(([kind, count]) => `${count} ${kind}`).join(", ") || "none"}</td>
    </tr>
  );
}
