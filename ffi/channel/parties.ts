/**
 * Who takes part in a channel, and who has ended without saying so.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { generation } from "../native/child.ts";
import { errno } from "../native/libc.ts";
import { linkTarget, own, slurp } from "../native/own.ts";
import { FIRST_OF_MANY, Header, PID, PLACES, READER, WRITER } from "./layout.ts";
import type { Ring } from "./ring.ts";

const { changes, came, died, last, places } = Header.offsets;
const CHANGES = changes / 4;
// by role
const CAME = came / 4, DIED = died / 4, LAST = last / 4;
const PLACE = 32 / 4, WHO = 0, START = 1, SPACE = 3; // in 32-bit words

const { load, store, add, compareExchange } = Atomics;

/** What somebody does in a channel. */
export type Role = "writer" | "reader";

const MARK = { writer: WRITER, reader: READER };
const INDEX = { writer: 0, reader: 1 };

/** A process, such that another one of the same number is not taken for it. */
interface Identity {
  readonly pid: number;
  /** In ticks since the system's start; 0 where nobody tells. */
  readonly start: number;
  readonly space: number;
}

let me: Identity & { since: number } | undefined;

function self(): Identity {
  if (me?.since !== generation) {
    const pid = own.getpid();
    const space = Number(/\d+/.exec(linkTarget("/proc/self/ns/pid") ?? "")?.[0] ?? 0);
    me = { pid, start: startOf(pid) ?? 0, space, since: generation };
  }
  return me;
}

const ENDED = -1;

/** When a process began, or {@linkcode ENDED}; undefined where nobody tells. */
function startOf(pid: number): number | undefined {
  try {
    const stat = new TextDecoder().decode(slurp(`/proc/${pid}/stat`));
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the third and on
    // a zombie's other threads may go on
    return "ZX".includes(fields[0]) && !(Number(fields[17]) > 1) ? ENDED : Number(fields[19]);
  } catch {
    return undefined;
  }
}

const ESRCH = 3;

/** Who takes part in a channel. */
export class Parties {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #many: number;
  #seen = -1;
  #gone: Record<Role, boolean> = { writer: false, reader: false };
  readonly #died: Record<Role, number>;

  constructor({ words, many }: Ring) {
    this.#words = words;
    this.#many = many;
    this.#died = { writer: words[DIED], reader: words[DIED + 1] };
  }

  /** Which places one of a role can have. */
  #range(role: Role): [from: number, to: number] {
    if (this.#many & MARK[role]) return [FIRST_OF_MANY, PLACES];
    return [INDEX[role], INDEX[role] + 1];
  }

  /** Those of a role, as processes. */
  list(role: Role): number[] {
    const [from, to] = this.#range(role);
    const found: number[] = [];
    for (let i = from; i < to; i++) {
      const who = load(this.#words, this.#at(i) + WHO);
      if (who & MARK[role]) found.push(who & PID);
    }
    return found;
  }

  #at(place: number): number {
    return places / 4 + place * PLACE;
  }

  /** Takes part; gives the place. */
  join(role: Role, syscall: string): number {
    const { pid, start, space } = self();
    const [from, to] = this.#range(role);
    const words = this.#words;
    for (let tries = 0; tries < 2; tries++) {
      for (let i = from; i < to; i++) {
        const at = this.#at(i);
        if (compareExchange(words, at + WHO, 0, pid) !== 0) continue;
        words[at + START] = start | 0;
        words[at + START + 1] = start / 2 ** 32 | 0;
        words[at + SPACE] = space | 0;
        // in another pid namespace, that number may have been taken for a dead one's
        if (compareExchange(words, at + WHO, pid, pid | MARK[role]) !== pid) continue;
        add(words, CAME + INDEX[role], 1);
        add(words, CHANGES, 1);
        return i;
      }
      // some of them may have ended
      for (let i = from; i < to; i++) this.#bury(i);
    }
    if (to - from > 1) throw new LibcError(syscall, "ENOSPC", `${to - from} take part already`);
    const other = load(words, this.#at(from) + WHO) & PID;
    throw new LibcError(syscall, "EBUSY", `process ${other} is the channel's only ${role}`);
  }

  /** Takes part no longer. */
  leave(role: Role, place: number): void {
    const words = this.#words;
    const { pid } = self();
    if (compareExchange(words, this.#at(place) + WHO, pid | MARK[role], 0) === (pid | MARK[role])) {
      add(words, CHANGES, 1);
    }
  }

  /** Frees the place of one that has ended. */
  #bury(place: number): void {
    const words = this.#words;
    const at = this.#at(place);
    const who = load(words, at + WHO);
    if (who === 0 || this.#lives(who, at)) return;
    if (compareExchange(words, at + WHO, who, 0) !== who) return;
    const index = who & WRITER ? 0 : who & READER ? 1 : undefined;
    if (index !== undefined) {
      store(words, LAST + index, who & PID);
      add(words, DIED + index, 1);
    }
    add(words, CHANGES, 1);
  }

  #lives(who: number, at: number): boolean {
    const words = this.#words;
    const pid = who & PID;
    const joined = (who & (WRITER | READER)) !== 0; // before that, only its number is there
    const { space } = self();
    // of those in another namespace, nobody can tell
    if (joined && words[at + SPACE] !== (space | 0)) return true;
    const found = startOf(pid);
    if (found === undefined) return own.kill(pid, 0) === 0 || errno() !== ESRCH;
    const start = joined ? (words[at + START] >>> 0) + words[at + START + 1] * 2 ** 32 : 0;
    return found !== ENDED && (start === 0 || start === found);
  }

  /**
   * Looks after those of a role.
   *
   * @param closely Also whether they live.
   * @returns Whether there is anything to tell: some were found dead, or all have gone.
   */
  look(role: Role, closely: boolean): boolean {
    const words = this.#words;
    if (closely) {
      const [from, to] = this.#range(role);
      for (let i = from; i < to; i++) this.#bury(i);
    }
    const changes = load(words, CHANGES);
    // who was killed right after a place was left has not counted that up
    if (closely || changes !== this.#seen) {
      this.#seen = changes;
      for (const other of ["writer", "reader"] as const) {
        this.#gone[other] = load(words, CAME + INDEX[other]) !== 0 && this.list(other).length === 0;
      }
    }
    return this.#gone[role] || load(words, DIED + INDEX[role]) !== this.#died[role];
  }

  /**
   * Tells what there was to tell.
   *
   * @returns Whether there were some of a role, and are none any more.
   * @throws {LibcError} `EOWNERDEAD` one was found dead since the last time.
   */
  tell(role: Role, syscall: string): boolean {
    const words = this.#words;
    const died = load(words, DIED + INDEX[role]);
    if (died === this.#died[role]) return this.#gone[role];
    this.#died[role] = died;
    const pid = load(words, LAST + INDEX[role]);
    throw new LibcError(syscall, "EOWNERDEAD", `the ${role}, process ${pid}, has ended without closing the channel`);
  }
}
