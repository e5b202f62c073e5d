/**
 * The channels that `ipc ls` shows: segments and POSIX shared memory that begin with one.
 *
 * @module
 */
import { Header } from "../../../ffi/channel/layout.ts";
import { stateOf } from "../../../ffi/channel/state.ts";
import type { ChannelState } from "../../../mod.ts";
import type { Line } from "../shared/escape.ts";
import { type Column, cut, table } from "../shared/layout.ts";
import { isAlive, processName } from "../shared/proc.ts";
import { paint, SGR } from "../shared/terminal.ts";
import type { Obj } from "./objects.ts";
import { firstBytes, type PosixObj } from "./posix.ts";
import { peekSegment } from "./segment.ts";

/** An object, and what it holds if that is a channel. */
export type WithChannel<T> = T & { channel?: ChannelState };

/** Looks what an object holds, and leaves no mark; of a segment that nobody has attached that can't be known. */
export function withChannel<T extends Obj | PosixObj>(object: T): WithChannel<T> {
  if (object.kind !== "segment" && object.kind !== "posix-segment") return object;
  const { size = 0 } = object;
  if (size < Header.size) return object;
  const header = object.kind === "segment" ? peekSegment(object.id, Header.size) : firstBytes(object, Header.size);
  const channel = header?.length === Header.size ? stateOf(header, size) : null;
  return channel === null ? object : { ...object, channel };
}

type Row = { where: string; channel: ChannelState };

/** Processes with their names; those that have ended are marked. */
function who(list: number[]): string {
  return list.map((pid) => `${pid} ${isAlive(pid) ? processName(pid) : "(ended)"}`).join(", ") || "-";
}

const COLUMNS: Column<Row>[] = [
  { title: "RING", value: ({ channel }) => String(channel.capacity), right: true, drop: 3 },
  { title: "USED", value: ({ channel }) => String(channel.used), right: true, drop: 1 },
  { title: "SENT", value: ({ channel }) => String(channel.sent), right: true, drop: 2 },
  { title: "RECEIVED", value: ({ channel }) => String(channel.received), right: true, drop: 4 },
  { title: "WRITERS", value: ({ channel }) => who(channel.writers), drop: 0 },
  { title: "READERS", value: ({ channel }) => who(channel.readers), drop: 0 },
];

/** Their lines in `ipc ls`; none where there is no channel. */
export function channelListing(objects: WithChannel<Obj | PosixObj>[], width: number): Line[] {
  const rows = objects.flatMap((object): Row[] => {
    const { channel } = object;
    return channel === undefined ? [] : [{ where: "name" in object ? object.name : `segment ${object.id}`, channel }];
  });
  if (rows.length === 0) return [];
  const place: Column<Row> = { title: "IN", value: ({ where }) => cut(where, Math.max(16, width - 44)), drop: 0 };
  return ["", paint(cut("Channels", width), SGR.bold, SGR.cyan), ...table(rows, [place, ...COLUMNS], width)];
}
