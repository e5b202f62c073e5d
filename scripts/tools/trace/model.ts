/**
 * From a trace's events to a picture: who did what to which kernel object, in the order it happened.
 *
 * @module
 */
import type { EnterEvent, TraceEvent } from "../../../mod.ts";
import { isBackFrom } from "../../../ffi/trace/format.ts";
import { finish } from "./calls.ts";
import { fold } from "./fold.ts";
import type { Lifeline, Picture, Step } from "./picture.ts";
import { type Process, World } from "./world.ts";

/** How large a picture gets. */
export interface Limits {
  lifelines: number;
  steps: number;
}

const LIMITS: Limits = { lifelines: 40, steps: 300 };

/**
 * Reads the events.
 *
 * @param events In any order.
 * @param all Also what is noise by default.
 * @param limits What is more is left out, and the picture says so.
 */
export function picture(events: TraceEvent[], all = false, limits: Limits = LIMITS): Picture {
  const sorted = events.toSorted((a, b) => a.t - b.t);
  const world = new World(all);
  const births = childrenByFork(sorted);
  for (const event of sorted) takeIn(world, event, births);
  conclude(world, sorted.at(-1)?.t ?? 0);
  // what took its time is told when it is over, and belongs where it began
  const steps = world.steps.toSorted((a, b) => a.t - b.t);
  return bounded(steps, limits);
}

/** Which child came out of which call of fork: a child may well run before its parent is back from the call. */
function childrenByFork(sorted: TraceEvent[]): Map<TraceEvent, number> {
  const births = new Map<TraceEvent, number>();
  const calls = new Map<number, EnterEvent>();
  for (const event of sorted) {
    if (event.ev === "enter" && event.call === "fork") calls.set(event.pid, event);
    if (event.ev === "exit" && event.call === "fork" && event.result > 0) {
      const call = calls.get(event.pid);
      if (call) births.set(call, event.result);
    }
  }
  return births;
}

function takeIn(world: World, event: TraceEvent, births: Map<TraceEvent, number>): void {
  switch (event.ev) {
    case "start": {
      const { thing } = world.begin(event.pid).line;
      // a child is known from its parent's fork, and has no program of its own
      if (!event.forked && thing.type === "process") thing.program = event.name;
      return;
    }
    case "enter": {
      const own = world.process(event.pid);
      own.entered.push(event);
      const born = births.get(event);
      if (born !== undefined) world.begin(born, own);
      return;
    }
    case "exit": {
      const own = world.process(event.pid);
      const at = own.entered.findIndex((began) => isBackFrom(event, began));
      const [entered] = at < 0 ? [] : own.entered.splice(at, 1);
      finish(world, own, event, entered);
      return;
    }
    case "memory": {
      const me = world.process(event.pid).line;
      const { op, offset, data, field, value, shmid, file } = event;
      const deed = { kind: "memory", op, offset, data, ...(field !== undefined && { field, value }) } as const;
      const memory = shmid === undefined
        ? world.object(`mapping ${file?.inode || event.pid}`, { type: "mapping", path: file?.path ?? "" })
        : world.object(`segment ${shmid}`, { type: "segment", id: shmid });
      if (op === "write") world.step(event.t, me, memory, deed);
      else world.step(event.t, memory, me, deed, true);
      return;
    }
    case "signal": {
      const own = world.process(event.pid);
      const me = own.line;
      // who has ended first
      const [child] = event.sig === "SIGCHLD" ? own.zombies : [];
      world.step(event.t, child?.line ?? me, child && me, { kind: "signal", sig: event.sig }, true);
      return;
    }
    case "lost": {
      const own = world.process(event.pid);
      own.lost ??= world.step(event.t, own.line, undefined, { kind: "lost", events: 0 }) as Process["lost"];
      own.lost!.deed.events = event.count;
      return;
    }
    case "end": {
      const own = world.process(event.pid);
      own.end(event.t);
      world.step(event.t, own.line, undefined, { kind: "exit", status: event.status });
    }
  }
}

/** How things stand when the trace ends. */
function conclude(world: World, last: number): void {
  for (const own of world.everyone) {
    for (const { call, t } of own.entered) {
      if (call !== "_exit") world.step(t, own.line, undefined, { kind: "wait", call, us: null });
    }
    if (own.parent?.zombies.has(own)) world.step(last, own.line, undefined, { kind: "zombie", us: null });
  }
}

/** Puts repetitions together, and leaves out what is too much all the same. */
function bounded(all: Step[], limits: Limits): Picture {
  const appeared = new Set<Lifeline>();
  for (const { from, to } of all) {
    appeared.add(from);
    if (to) appeared.add(to);
  }
  const lifelines = new Set([...appeared].slice(0, limits.lifelines));
  const drawn = all.filter(({ from, to }) => lifelines.has(from) && (!to || lifelines.has(to)));
  const steps = fold(drawn);
  const hidden = appeared.size - lifelines.size;
  const excess = Math.max(0, steps.length - limits.steps);
  if (hidden > 0 || excess > 0) {
    // how it begins and how it ends says most
    const at = excess > 0 ? Math.ceil(limits.steps * 2 / 3) : steps.length;
    const left = steps.splice(at, excess);
    const count = left.reduce((sum, { times, group }) => sum + times * (group?.length ?? 1), all.length - drawn.length);
    const neighbour = steps[at - 1] ?? left[0];
    steps.splice(at, 0, {
      t: neighbour?.t ?? 0,
      from: neighbour?.from ?? [...lifelines][0],
      deed: { kind: "omitted", steps: count, lifelines: hidden },
      times: 1,
    });
  }
  return { lifelines: inOrder([...lifelines], steps), steps };
}

/** A first process and its children, the kernel's objects, the other processes: so that arrows are short. */
function inOrder(lifelines: Lifeline[], steps: Step[]): Lifeline[] {
  const flat = steps.flatMap((step) => step.group ?? [step]);
  const used = new Set(flat.flatMap(({ from, to }) => [from, to]));
  const shown = lifelines.filter((line) => used.has(line));
  const children = Map.groupBy(shown, ({ parent }) => parent && used.has(parent) ? parent : undefined);
  const withChildren = (line: Lifeline): Lifeline[] => [line, ...(children.get(line) ?? []).flatMap(withChildren)];
  const isProcess = ({ thing }: Lifeline) => thing.type === "process";
  const roots = (children.get(undefined) ?? []).filter(isProcess);
  // one that came too early and found nothing is not the first
  const successful = new Set(
    flat.filter(({ to, deed }) => to && !(deed.kind === "call" && deed.errno)).map(({ from }) => from),
  );
  const first = roots.find((line) => successful.has(line)) ?? roots[0];
  return [
    ...(first ? withChildren(first) : []),
    ...shown.filter((line) => !isProcess(line)),
    ...roots.filter((line) => line !== first).flatMap(withChildren),
  ];
}
