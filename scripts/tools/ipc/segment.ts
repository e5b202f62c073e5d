/**
 * Reading a segment: without a mark on it, where a process has it attached that one may look into; else by attaching
 * it, which the kernel notes as its last user and time.
 *
 * @module
 */
import { SharedMemory } from "../../../mod.ts";
import { namespaceOf, pids, type SegmentMapping, segmentsOf } from "../shared/proc.ts";

/** Reads so many bytes from a place in a file; null if they can't be had. */
function readAt(path: string, at: bigint, length: number): Uint8Array | null {
  try {
    using file = Deno.openSync(path);
    file.seekSync(at, Deno.SeekMode.Start);
    const data = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const n = file.readSync(data.subarray(done));
      if (n === null) return null;
      done += n;
    }
    return data;
  } catch {
    return null; // it is not ours to look at, or has gone meanwhile
  }
}

/** The segment's first bytes out of a process's memory. */
function readMemory(pid: number, mappings: SegmentMapping[], length: number): Uint8Array | null {
  const data = new Uint8Array(length);
  let at = 0;
  // it may be attached in several pieces
  for (const { start, end, offset } of mappings.toSorted((a, b) => a.offset - b.offset)) {
    if (at >= length || offset > at) break;
    const skipped = at - offset;
    const n = Math.min(length - at, Number(end - start) - skipped);
    if (n <= 0) continue;
    const piece = readAt(`/proc/${pid}/mem`, start + BigInt(skipped), n);
    if (!piece) return null;
    data.set(piece, at);
    at += n;
  }
  return at >= length ? data : null;
}

/**
 * Reads the beginning of a segment, and leaves no mark.
 *
 * @returns The bytes, or null if no process has it attached that may be looked into.
 */
export function peekSegment(id: number, length: number): Uint8Array | null {
  const namespace = namespaceOf("ipc");
  for (const pid of pids()) {
    const mappings = segmentsOf(pid)?.filter(({ shmid }) => shmid === id) ?? [];
    if (mappings.length === 0 || namespaceOf("ipc", pid) !== namespace) continue;
    const [{ start, end }] = mappings;
    // the segment as a file, where one may open it; the process's memory would get pages that it had not touched
    const data = readAt(`/proc/${pid}/map_files/${start.toString(16)}-${end.toString(16)}`, 0n, length) ??
      readMemory(pid, mappings, length);
    if (data) return data;
  }
  return null;
}

/** Reads the beginning of a segment. This makes the process its last user. */
export function attachAndRead(id: number, length: number): Uint8Array {
  using segment = SharedMemory.fromId(id, { readOnly: true });
  return segment.read(0, length);
}
