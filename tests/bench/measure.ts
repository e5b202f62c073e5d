/**
 * Rounds: what is compared takes turns, so that whatever else the machine does hits all of it alike.
 *
 * @module
 */

/** One of those that are compared. */
export interface Entry {
  /** Whose time it is. */
  name: string;
  /** Does `n` turns and gives the nanoseconds that they took, or `null` where it cannot. */
  run(n: number): Promise<number | null>;
}

/** How long to measure. */
export interface Effort {
  /** How many rounds. */
  rounds: number;
  /** About how long each entry's part of a round takes, in milliseconds. */
  milliseconds: number;
  /** How many turns that is, instead of finding out. */
  turns?: number;
}

/** The middle of a series, and the quarters to both sides of it. */
export interface Summary {
  median: number;
  q1: number;
  q3: number;
}

/** Nanoseconds per turn, round by round; the same index is the same round in all series. */
export type Series = Record<string, number[]>;

/** Sums a series up. */
export function summarize(series: number[]): Summary {
  const sorted = series.toSorted((a, b) => a - b);
  const at = (part: number) => {
    const place = (sorted.length - 1) * part;
    const below = sorted[Math.floor(place)];
    return below + (sorted[Math.ceil(place)] - below) * (place % 1);
  };
  return { median: at(0.5), q1: at(0.25), q3: at(0.75) };
}

/** Divides one series by another, round by round. */
export function ratio(a: number[], b: number[]): Summary {
  return summarize(a.map((value, round) => value / b[round]));
}

/** Finds how many turns fill the time; the turns taken meanwhile are the warm-up. `null` if it cannot do any. */
async function calibrate(entry: Entry, milliseconds: number): Promise<number | null> {
  const target = milliseconds * 1e6;
  let n = 1;
  for (let spent = 0;;) {
    const time = await entry.run(n);
    if (time === null) return null;
    spent += time;
    if (n === 1 && time >= target) return 1;
    // once more at the full number, as V8 goes on optimizing meanwhile
    if (time >= target / 2 && spent >= 3 * target) return Math.max(1, Math.round(n * target / time));
    n = Math.max(1, Math.round(n * Math.min(target / Math.max(time, 1), 10)));
  }
}

/** Measures the entries in alternating rounds. Those that cannot take part are missing in the result. */
export async function compare(entries: Entry[], effort: Effort): Promise<Series> {
  const turns = new Map<Entry, number>();
  const series: Series = {};
  for (const entry of entries) {
    const n = effort.turns ?? await calibrate(entry, effort.milliseconds);
    if (n === null || effort.turns !== undefined && await entry.run(n) === null) continue; // which is the warm-up
    turns.set(entry, n);
    series[entry.name] = [];
  }
  const order = [...turns];
  for (let round = 0; round < effort.rounds; round++) {
    // there and back, so that nobody always comes after the same one
    for (const [entry, n] of round % 2 ? order.toReversed() : order) {
      series[entry.name].push((await entry.run(n))! / n);
    }
  }
  return series;
}
