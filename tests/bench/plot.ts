/**
 * The results as a picture.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { bytes, type Goal, type Growth, reached, type Results, type Row, time } from "./results.ts";

// its own type for this has everything but the document
const { document } = parseHTML("<html><body></body></html>") as unknown as { document: never };

const WIDTH = 960;
const MARGIN = 230; // for the names of rows
const FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif";
const STYLE = { fontFamily: FONT, fontSize: "11px", background: "white", color: "#222" };

// one colour for each way of doing it, lighter and dashed where it's C
const COLORS: Record<string, string> = {
  library: "#0b6bcb",
  C: "#555555",
  Perl: "#8e44ad",
  Python: "#d9a400",
  Deno: "#1a936f",
  SIGCHLD: "#8e44ad",
  "Deno.connect": "#1a936f",
  "segment, spinning": "#0b6bcb",
  "segment, C": "#0b6bcb",
  "msgsnd + msgrcv": "#c0392b",
  MessageQueue: "#e98b7f",
  "unix socket": "#7d3cb5",
  Socket: "#b995d8",
  "Deno.connect unix": "#1a936f",
  "Deno.connect TCP": "#7fb800",
  "Deno.Command pipes": "#d9a400",
  "Worker.postMessage": "#e8590c",
};

type Point = { label: string; x: number; y: number };

function color(label: string): string {
  return COLORS[label] ?? COLORS[label.replace(/, C$/, "")] ?? "#888";
}

/** Where the labels at the ends of lines go, so that none covers another. */
function spreadLabels(ends: Point[], scale: (y: number) => number, gap: number): (Point & { dy: number })[] {
  const places = ends.map((end) => ({ ...end, at: scale(end.y) })).sort((a, b) => a.at - b.at);
  for (let pass = 0; pass < 50; pass++) {
    for (let i = 1; i < places.length; i++) {
      const lack = gap - (places[i].at - places[i - 1].at);
      if (lack <= 0) continue;
      places[i - 1].at -= lack / 2;
      places[i].at += lack / 2;
    }
  }
  return places.map(({ label, x, y, at }) => ({ label, x, y, dy: at - scale(y) }));
}

function lines(growth: Growth, title: string, width: number, height: number, logX: boolean, logY: boolean): string {
  const { series, values, unit, x } = growth;
  const points: Point[] = Object.entries(series).flatMap(([label, list]) =>
    list.flatMap((one, n) => one ? [{ label, x: values[n], y: unit === "time" ? one.median : 1e9 / one.median }] : [])
  );
  const [marginLeft, marginRight, marginTop, marginBottom] = [56, 140, 34, 38];
  const ys = points.map(({ y }) => y);
  const domain = [logY ? Math.min(...ys) * 0.8 : 0, Math.max(...ys) * (logY ? 1.3 : 1.05)];
  const inner = height - marginTop - marginBottom;
  const scale = (y: number) =>
    logY
      ? inner * (1 - Math.log(y / domain[0]) / Math.log(domain[1] / domain[0]))
      : inner * (1 - (y - domain[0]) / (domain[1] - domain[0]));
  const labels = [...new Set(points.map(({ label }) => label))];
  const ends = labels.map((label) => points.findLast((point) => point.label === label)!);
  const last = Math.max(...values);
  const decades = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].filter((y) => y >= domain[0] && y <= domain[1]);
  const chart = Plot.plot({
    document,
    width,
    height,
    marginLeft,
    marginRight,
    marginTop,
    marginBottom,
    style: STYLE,
    // to the base 2, as a logarithmic scale only names the powers of its base
    x: {
      type: logX ? "log" : "linear",
      base: 2,
      label: null,
      ticks: values,
      tickFormat: (value: number) =>
        x === "bytes" ? bytes(value) : x === "MiB" && value === last ? `${value} MiB` : String(value),
    },
    y: {
      type: logY ? "log" : "linear",
      domain,
      grid: true,
      label: null,
      ticks: logY ? decades : 5,
      tickFormat: (value: number) => unit === "time" ? time(value).replace(/\.0+ /, " ") : value.toLocaleString("en"),
    },
    marks: [
      ...labels.map((label) =>
        Plot.line(points.filter((point) => point.label === label), {
          x: "x",
          y: "y",
          stroke: color(label),
          strokeWidth: label === "library" || label === "segment, spinning" ? 2.5 : 1.5,
          strokeDasharray: label.endsWith("C") ? "4 3" : undefined,
          marker: "dot",
        })
      ),
      ...spreadLabels(ends, scale, 12).map(({ label, y, dy }) =>
        Plot.text([label], { x: last, y, dy, dx: 8, text: [full(label)], fill: color(label), textAnchor: "start" })
      ),
      Plot.text([title], { frameAnchor: "top-left", dy: -26, dx: 2 - marginLeft, fontSize: 13, fontWeight: "bold" }),
    ] as Plot.Markish[],
  });
  return chart.outerHTML;
}

/** A column's name where there is room. */
function full(name: string): string {
  return name === "SIGCHLD" ? "Python, SIGCHLD" : name;
}

/** A row's name without its unit. */
function plain(name: string): string {
  return name.replace(/, (GB|conn\.)\/s$/, "");
}

function ratios(results: Results, width: number, height: number): string {
  type Dot = { name: string; at: number; from: number; to: number; goal: number; met: boolean };
  const dots = results.tables.flatMap(({ rows }) =>
    rows.flatMap((row) =>
      row.goals.flatMap((goal: Goal): Dot[] => {
        if (!goal.ratio || goal.of === "excess") return [];
        const { of, limit, ratio: { median, q1, q3 }, against } = goal;
        const turn = (value: number) => of === "rate" ? value : 1 / value;
        const name = `${plain(row.name)} / ${full(against)}`;
        const met = reached(goal)!;
        return [{ name, at: turn(median), from: turn(q1), to: turn(q3), goal: turn(limit), met }];
      })
    )
  );
  const low = Math.min(0.1, ...dots.map(({ from, to }) => Math.min(from, to))) * 0.9;
  const high = Math.max(2, ...dots.map(({ from, to }) => Math.max(from, to))) * 1.1;
  const order = dots.map(({ name }) => name);
  const chart = Plot.plot({
    document,
    width,
    height,
    marginLeft: MARGIN,
    marginRight: 20,
    marginTop: 34,
    marginBottom: 38,
    style: STYLE,
    x: {
      type: "log",
      base: 2,
      domain: [low, high],
      grid: true,
      label: null,
      ticks: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5].filter((tick) => tick >= low && tick <= high),
      tickFormat: (value: number) => String(value),
    },
    y: { type: "band", domain: order, label: null, tickSize: 0 },
    color: { domain: [true, false], range: ["#1a936f", "#c0392b"] },
    marks: [
      Plot.ruleX([1], { stroke: "#999" }),
      Plot.ruleY(dots, { x1: "from", x2: "to", y: "name", stroke: "met", strokeWidth: 3, strokeOpacity: 0.4 }),
      Plot.tickX(dots, { x: "goal", y: "name", stroke: "#222", strokeWidth: 1.5, inset: 3 }),
      Plot.dot(dots, { x: "at", y: "name", fill: "met", r: 4 }),
      Plot.text(["Speed of the library by that of …"], {
        frameAnchor: "top-left",
        dy: -26,
        dx: 4 - MARGIN,
        fontSize: 13,
        fontWeight: "bold",
      }),
      Plot.text(["1 = as fast; bar: middle 50 % of the rounds; black tick: goal"], {
        frameAnchor: "top-right",
        dy: -26,
        fill: "#666",
      }),
    ] as Plot.Markish[],
  });
  return chart.outerHTML;
}

/** How long each takes there and back; what is wanted is a multiple of another's time. */
function roundTrips(rows: Row[], width: number, height: number): string {
  const who = ["library", "Deno.connect", "C"];
  const dots = rows.flatMap(({ name, results }) =>
    // the library's on top
    who.toReversed().filter((one) => results[one]).map((one) => ({ name, one, at: results[one].median }))
  );
  const goals = rows.flatMap(({ name, goals, results }) =>
    goals.filter(({ against }) => results[against])
      .map(({ against, limit }) => ({ name, at: limit * results[against].median }))
  );
  const times = [...dots, ...goals].map(({ at }) => at);
  const domain = [Math.min(...times) * 0.7, Math.max(...times) * 1.4];
  const chart = Plot.plot({
    document,
    width,
    height,
    marginLeft: MARGIN,
    marginRight: 20,
    marginTop: 34,
    marginBottom: 38,
    style: STYLE,
    x: {
      type: "log",
      domain,
      grid: true,
      label: null,
      ticks: [1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7].filter((tick) => tick >= domain[0] && tick <= domain[1]),
      tickFormat: (value: number) => time(value).replace(/\.0+ /, " "),
    },
    y: { type: "band", domain: rows.map(({ name }) => name), label: null, tickSize: 0 },
    marks: [
      Plot.ruleY(rows, {
        y: "name",
        x1: ({ name }: Row) => Math.min(...dots.filter((dot) => dot.name === name).map(({ at }) => at)),
        x2: ({ name }: Row) => Math.max(...dots.filter((dot) => dot.name === name).map(({ at }) => at)),
        stroke: "#ddd",
      }),
      Plot.tickX(goals, { x: "at", y: "name", stroke: "#222", strokeWidth: 1.5, inset: 3 }),
      Plot.dot(dots, { x: "at", y: "name", fill: ({ one }: { one: string }) => color(one), r: 4 }),
      Plot.text(["There and back, both sides awaiting (C: blocking), on any processor"], {
        frameAnchor: "top-left",
        dy: -26,
        dx: 4 - MARGIN,
        fontSize: 13,
        fontWeight: "bold",
      }),
      ...who.map((one, n) =>
        Plot.text([`● ${one}`], { frameAnchor: "top-right", dy: -26, dx: [-230, -125, -85][n], fill: color(one) })
      ),
      Plot.text(["| goal"], { frameAnchor: "top-right", dy: -26, dx: -30, fill: "#222" }),
    ] as Plot.Markish[],
  });
  return chart.outerHTML;
}

/** An SVG document of what has been measured. */
export function plot(results: Results): string {
  const panels: [chart: string, x: number, y: number][] = [];
  let height = 0;
  const add = (chart: (height: number) => string, needed: number) => {
    panels.push([chart(needed), 0, height]);
    height += needed + 10;
  };
  const goals = results.tables.flatMap(({ rows }) => rows.flatMap(({ goals }) => goals));
  const compared = goals.filter(({ of, ratio }) => ratio && of !== "excess").length;
  if (compared > 0) add((needed) => ratios(results, WIDTH, needed), 80 + 22 * compared);
  const rows = results.tables.find(({ columns }) => columns.includes("Deno.connect"))?.rows
    .filter(({ unit }) => unit === "time");
  if (rows) add((needed) => roundTrips(rows, WIDTH, needed), 80 + 26 * rows.length);
  const grown = (x: Growth["x"]) => results.growth.find((one) => one.x === x);
  const trips = grown("bytes");
  if (trips) add((needed) => lines(trips, "A message there and back, by its size", WIDTH, needed, true, true), 400);
  const [forks, servers] = [grown("MiB"), grown("connections")];
  if (forks) {
    panels.push([lines(forks, "fork + _exit + wait3, by live memory", WIDTH / 2, 280, false, true), 0, height]);
  }
  if (servers) {
    const chart = lines(servers, "Connections per second, by clients", WIDTH / 2, 280, true, true);
    panels.push([chart, WIDTH / 2, height]);
  }
  if (forks || servers) height += 280;
  const feet = Object.entries(results.machine).map(([name, value]) => name === "alike" ? `C, alike: ${value}` : value);
  height += 14 + 14 * feet.length;
  const escape = (text: string) => text.replace(/[&<>]/g, (found) => `&#${found.charCodeAt(0)};`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...panels.map(([chart, x, y]) => chart.replace("<svg ", `<svg x="${x}" y="${y}" `)),
    ...feet.map((text, n) => {
      const y = height - 8 - 14 * (feet.length - 1 - n);
      return `<text x="8" y="${y}" font-family="${FONT}" font-size="10" fill="#666">${escape(text)}</text>`;
    }),
    `</svg>`,
    ``,
  ].join("\n");
}
