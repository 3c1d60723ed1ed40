// One plot of the last hour, by uPlot. Loaded when it is first needed; the page stands without it.

import uPlot from "uplot";
import { type Columns, hourOf, stacked } from "./series.ts";

export interface PlotOptions {
  /** Where it stands; as wide as that. */
  readonly host: HTMLElement;
  /** Bars that stand on one another count; lines are times in milliseconds. */
  readonly kind: "bars" | "lines";
  readonly columns: Columns;
  /** When the hour ended. */
  readonly toMs: number;
  readonly colors: PlotColors;
  readonly formatTime: (atMs: number) => string;
  readonly formatValue: (value: number) => string;
  /** The place under the pointer; undefined when there is none. */
  readonly onPoint: (index: number | undefined) => void;
}

export interface PlotColors {
  /** Of the series, in their order. */
  readonly series: readonly string[];
  readonly text: string;
  readonly grid: string;
}

export interface Plot {
  /** With the same series. */
  show(columns: Columns, toMs: number): void;
  close(): void;
}

const heightPx = 150;
const font = "12px system-ui, sans-serif";

export function drawPlot(options: PlotOptions): Plot {
  const { host, kind, onPoint } = options;
  let { toMs } = options;
  const plot = new uPlot(
    {
      width: host.clientWidth,
      height: heightPx,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === "lines" } },
      scales: {
        x: { time: true, range: () => rangeOf(toMs) },
        // From zero, and never flat.
        y: { range: (_, _min, max) => [0, kind === "bars" ? Math.max(4, max * 1.1) : Math.max(100, max * 1.1)] },
      },
      axes: [axis(options, "x"), axis(options, "y")],
      series: [{}, ...(kind === "bars" ? bars(options) : lines(options))],
      hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)] },
    },
    dataOf(kind, options.columns),
    host,
  );
  const resizing = new ResizeObserver(() => {
    if (host.clientWidth > 0) plot.setSize({ width: host.clientWidth, height: heightPx });
  });
  resizing.observe(host);
  return {
    show(columns, hourToMs) {
      toMs = hourToMs;
      plot.setData(dataOf(kind, columns));
    },
    close() {
      resizing.disconnect();
      plot.destroy();
    },
  };
}

function rangeOf(toMs: number): [number, number] {
  const hour = hourOf(toMs);
  return [hour.fromMs / 1000, hour.toMs / 1000];
}

/** The highest bars are drawn first, so that the lower ones stand before them. */
function dataOf(kind: PlotOptions["kind"], columns: Columns): uPlot.AlignedData {
  const at = columns.atMs.map((atMs) => atMs / 1000);
  if (kind === "bars") return [at, ...stacked(columns).toReversed()];
  return [at, ...columns.series.map(({ values }) => [...values])];
}

function bars({ columns, colors }: PlotOptions): uPlot.Series[] {
  return columns.series
    .map(({ label }, index) => ({
      label,
      fill: colors.series[index] ?? colors.text,
      width: 0,
      points: { show: false },
      ...pathsOf(),
    }))
    .toReversed();
}

function pathsOf(): Pick<uPlot.Series, "paths"> {
  const paths = uPlot.paths.bars?.({ size: [0.75, 24] });
  return paths === undefined ? {} : { paths };
}

function lines({ columns, colors }: PlotOptions): uPlot.Series[] {
  return columns.series.map(({ label }, index) => {
    const stroke = colors.series[index] ?? colors.text;
    return {
      label,
      stroke,
      width: 1.5,
      // Told apart without colours too.
      ...(index === 0 ? {} : { dash: [5, 4] }),
      // A line has two ends: what stands alone is a point.
      points: { size: 5, stroke, fill: stroke, show: true, filter: findLonely },
    };
  });
}

const findLonely: uPlot.Series.Points.Filter = (plot, seriesIndex) => {
  const values = plot.data[seriesIndex] ?? [];
  const isThere = (index: number) => values[index] !== undefined && values[index] !== null;
  return [...values.keys()].filter((index) => isThere(index) && !isThere(index - 1) && !isThere(index + 1));
};

function axis({ colors, formatTime, formatValue, kind }: PlotOptions, side: "x" | "y"): uPlot.Axis {
  const common = {
    stroke: colors.text,
    font,
    grid: { stroke: colors.grid, width: 1 },
    ticks: { show: false },
  };
  if (side === "x") {
    const minute = 60;
    return {
      ...common,
      size: 30,
      gap: 8,
      grid: { show: false },
      incrs: [5 * minute, 10 * minute, 15 * minute, 20 * minute, 30 * minute],
      values: (_, splits) => splits.map((at) => formatTime(at * 1000)),
    };
  }
  return {
    ...common,
    size: kind === "bars" ? 36 : 56,
    gap: 6,
    space: 28,
    ...(kind === "bars" ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000] } : {}),
    values: (_, splits) => splits.map(formatValue),
  };
}
