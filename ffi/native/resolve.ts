/**
 * getaddrinfo(3): the list of structures that it gives, and its errors.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { int } from "./check.ts";
import { cstring, errno, libc, text } from "./libc.ts";
import { type sockaddr, sockaddrFrom } from "./sockaddr.ts";
import { layouts } from "./structs.ts";

const A = layouts.addrinfo;

const EAI_SYSTEM = -11;

const CODES: Readonly<Record<number, string>> = {
  [-1]: "EAI_BADFLAGS",
  [-2]: "EAI_NONAME",
  [-3]: "EAI_AGAIN",
  [-4]: "EAI_FAIL",
  [-5]: "EAI_NODATA",
  [-6]: "EAI_FAMILY",
  [-7]: "EAI_SOCKTYPE",
  [-8]: "EAI_SERVICE",
  [-9]: "EAI_ADDRFAMILY",
  [-10]: "EAI_MEMORY",
  [-11]: "EAI_SYSTEM",
  [-12]: "EAI_OVERFLOW",
};

/** What kind of addresses `getaddrinfo` shall look for; what is left out stays open. */
export interface addrinfo_hints {
  /** `AI_PASSIVE`, `AI_CANONNAME` … */
  ai_flags?: number;
  /** `AF_INET`, `AF_INET6`, or `AF_UNSPEC` for both. */
  ai_family?: number;
  /** `SOCK_STREAM`, `SOCK_DGRAM` …, or 0 for each of them. */
  ai_socktype?: number;
  /** `IPPROTO_TCP`, `IPPROTO_UDP` …, or 0. */
  ai_protocol?: number;
}

/** One address that `getaddrinfo` found, with what `socket` needs to reach it. */
export interface addrinfo {
  /** `AF_INET` or `AF_INET6`. */
  ai_family: number;
  /** `SOCK_STREAM`, `SOCK_DGRAM` … */
  ai_socktype: number;
  /** `IPPROTO_TCP`, `IPPROTO_UDP` … */
  ai_protocol: number;
  /** The address. */
  ai_addr: sockaddr;
  /** With `AI_CANONNAME`, in the first of the list: the host's official name. */
  ai_canonname?: string;
}

/** The arguments of one call, as C wants them. They have to live as long as the call. */
class Query {
  readonly node: Uint8Array<ArrayBuffer> | null;
  readonly service: Uint8Array<ArrayBuffer> | null;
  readonly hints: Uint8Array<ArrayBuffer>;
  readonly result: BigUint64Array<ArrayBuffer> = new BigUint64Array(1);
  readonly #detail: string;

  constructor(node: string | null, service: string | null, hints: addrinfo_hints) {
    this.node = node === null ? null : cstring(node, "getaddrinfo", "node");
    this.service = service === null ? null : cstring(service, "getaddrinfo", "service");
    const { ai_flags = 0, ai_family = 0, ai_socktype = 0, ai_protocol = 0 } = hints ?? {};
    this.hints = new Uint8Array(A.size);
    const view = new DataView(this.hints.buffer);
    view.setInt32(A.ai_flags, int(ai_flags, "getaddrinfo", "ai_flags"), true);
    view.setInt32(A.ai_family, int(ai_family, "getaddrinfo", "ai_family"), true);
    view.setInt32(A.ai_socktype, int(ai_socktype, "getaddrinfo", "ai_socktype"), true);
    view.setInt32(A.ai_protocol, int(ai_protocol, "getaddrinfo", "ai_protocol"), true);
    this.#detail = [node !== null && `host '${node}'`, service !== null && `service '${service}'`]
      .filter(Boolean).join(", ");
  }

  /** Copies the list, and gives C's back. `systemErrno` is only meant where `status` is `EAI_SYSTEM`. */
  finish(status: number, systemErrno: number): addrinfo[] {
    if (status !== 0) {
      if (status === EAI_SYSTEM && systemErrno > 0) throw new LibcError("getaddrinfo", systemErrno, this.#detail);
      throw new LibcError("getaddrinfo", status, this.#detail, {
        code: CODES[status] ?? String(status),
        reason: text(libc.gai_strerror(status)),
      });
    }
    const head = Deno.UnsafePointer.create(this.result[0]);
    try {
      const list: addrinfo[] = [];
      for (let at = head; at !== null;) {
        const view = new Deno.UnsafePointerView(at);
        const address = new Uint8Array(view.getUint32(A.ai_addrlen));
        Deno.UnsafePointerView.copyInto(view.getPointer(A.ai_addr)!, address);
        const entry: addrinfo = {
          ai_family: view.getInt32(A.ai_family),
          ai_socktype: view.getInt32(A.ai_socktype),
          ai_protocol: view.getInt32(A.ai_protocol),
          ai_addr: sockaddrFrom(address),
        };
        const name = view.getPointer(A.ai_canonname);
        if (name !== null) entry.ai_canonname = text(name);
        list.push(entry);
        at = view.getPointer(A.ai_next);
      }
      return list;
    } finally {
      libc.freeaddrinfo(head);
    }
  }
}

/** `getaddrinfo(3)`. */
export function resolve(node: string | null, service: string | null, hints: addrinfo_hints): addrinfo[] {
  const query = new Query(node, service, hints);
  const status = libc.getaddrinfo(query.node, query.service, query.hints, query.result);
  return query.finish(status, errno());
}

/** The same on another thread; where the system itself fails, its `errno` stays there and the error is `EAI_SYSTEM`. */
export async function resolveAsync(
  node: string | null,
  service: string | null,
  hints: addrinfo_hints,
): Promise<addrinfo[]> {
  const query = new Query(node, service, hints);
  const status = await libc.getaddrinfo_async(query.node, query.service, query.hints, query.result);
  return query.finish(status, 0);
}
