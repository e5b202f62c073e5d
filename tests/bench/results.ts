/**
 * What a run of the benchmark finds out; `--json` writes it as it is.
 *
 * @module
 */
import type { Summary } from "./measure.ts";

/** What a ratio should be, and what it is. */
export interface Goal {
  /** Whom the library is compared with. */
  against: string;
  /**
   * `rate`: the library's turns per second by the other's. `time`: the library's time by the other's. `excess`: how much
   * more the library has.
   */
  of: "rate" | "time" | "excess";
  /** The least rate, or the most time or excess. */
  limit: number;
  /** The ratio or difference, round by round; `null` if the other is not there. */
  ratio: Summary | null;
}

/** One thing that all did. */
export interface Row {
  name: string;
  /** How to show it: time per turn, bytes moved per second, or turns per second; of the waiting, percent or wake-ups a second. */
  unit: "time" | "bandwidth" | "rate" | "percent" | "wakes";
  /** Bytes per turn. */
  size: number;
  /** Nanoseconds per turn of each; or the percentage, or wake-ups. */
  results: Record<string, Summary>;
  goals: Goal[];
}

/** Rows that compare with the same others. */
export interface Table {
  title: string;
  columns: string[];
  rows: Row[];
}

/** How something grows. */
export interface Growth {
  name: string;
  /** What `x` is. */
  x: "bytes" | "MiB" | "connections";
  unit: "time" | "rate";
  values: number[];
  /** Nanoseconds per turn for each value; `null` where it can't be. */
  series: Record<string, (Summary | null)[]>;
}

/** All of it. */
export interface Results {
  version: 2;
  quick: boolean;
  /** Of most rows. */
  rounds: number;
  machine: Record<string, string>;
  tables: Table[];
  growth: Growth[];
}

/** Tells whether a ratio is as good as it should be. */
export function reached({ of, limit, ratio }: Goal): boolean | null {
  if (ratio === null) return null;
  return of === "rate" ? ratio.median >= limit : ratio.median <= limit;
}

function digits(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** Nanoseconds in the unit that fits. */
export function time(ns: number): string {
  if (ns < 999.5) return `${digits(ns)} ns`;
  if (ns < 999.5e3) return `${digits(ns / 1e3)} µs`;
  if (ns < 999.5e6) return `${digits(ns / 1e6)} ms`;
  return `${digits(ns / 1e9)} s`;
}

/** Whom a column's short name means, where there is room to say so. */
export function whom(name: string): string {
  const names: Record<string, string> = {
    SIGCHLD: "Python with a SIGCHLD handler",
    blocking: "one that blocks",
    dlopen: "a bare symbol",
    empty: "an empty script",
  };
  return names[name] ?? name;
}

/** A ratio to as many digits as tell something. */
export function factor(value: number): string {
  return value < 9.995 ? value.toFixed(2) : value < 99.5 ? value.toFixed(1) : value.toFixed(0);
}

/** Nanoseconds per turn as time, or as turns or gigabytes per second. */
export function shown(ns: number, unit: Row["unit"], size = 0): string {
  if (unit === "time") return time(ns);
  if (unit === "percent") return `${digits(ns)} %`;
  if (unit === "wakes") return `${digits(ns)}/s`;
  return unit === "rate" ? String(Math.round(1e9 / ns)) : digits(size / ns);
}

/** Bytes in the unit that fits. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  return count < 1024 ** 2 ? `${count / 1024} KiB` : `${count / 1024 ** 2} MiB`;
}
