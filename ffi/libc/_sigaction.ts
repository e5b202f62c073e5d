/**
 * What is to happen on a signal, as a structure.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import { flags32, type Kind, memory, named, u64, viewOn } from "../native/kinds.ts";
import { layout, layoutOf, nested, Struct } from "../native/layout.ts";
import type { TracedArgument } from "../trace/event.ts";
import type { siginfo_t } from "./_siginfo.ts";
import { sigset_t, tracedSet } from "./_sigset.ts";

/** What a signal does when nobody has said otherwise. */
export const SIG_DFL = 0;
/** Ignore a signal. */
export const SIG_IGN = 1;

/** `sa_flags` for `SIGCHLD`: not when a child stops or goes on. */
export const SA_NOCLDSTOP = 0x1;
/** `sa_flags` for `SIGCHLD`: children leave no zombies, and nobody can wait for them. */
export const SA_NOCLDWAIT = 0x2;
/** `sa_flags`: the handler gets a {@linkcode siginfo_t}, too. */
export const SA_SIGINFO = 0x4;
/** `sa_flags`: handlers run on the stack of `sigaltstack(2)`; it is always set here, and means nothing to JavaScript. */
export const SA_ONSTACK = 0x0800_0000;
/** `sa_flags`: calls that can go on after a signal do so; else they fail with `EINTR`. */
export const SA_RESTART = 0x1000_0000;
/** `sa_flags`: the signal is not blocked while its handler runs; here none ever is. */
export const SA_NODEFER = 0x4000_0000;
/** `sa_flags`: the handler is for one signal only. */
export const SA_RESETHAND = 0x8000_0000;

/** How libc has a handler come back. */
export const SA_RESTORER = 0x0400_0000;
const FLAGS = { SA_NOCLDSTOP, SA_NOCLDWAIT, SA_SIGINFO, SA_RESTORER, SA_ONSTACK, SA_RESTART, SA_NODEFER, SA_RESETHAND };

/** What {@linkcode struct_sigaction} has as `sa_handler`: a function, `SIG_DFL` or `SIG_IGN`. */
export type SigactionHandler = ((sig: number, info: siginfo_t) => void) | typeof SIG_DFL | typeof SIG_IGN;

/** The handler that a structure was given; undefined for anything else than {@linkcode struct_sigaction}. */
export let handlerOf: (action: unknown) => SigactionHandler | undefined;
/** Gives it one. */
export let setHandlerOf: (action: struct_sigaction, handler: SigactionHandler) => void;

/**
 * What is to happen on a signal, `struct sigaction` of `sigaction(2)`; the function has the name that it has in C.
 *
 * @example See {@linkcode sigaction}.
 */
export class struct_sigaction extends Struct {
  #handler: SigactionHandler = SIG_DFL;

  static {
    handlerOf = (action) =>
      typeof action === "object" && action !== null && #handler in action ? action.#handler : undefined;
    setHandlerOf = (action, handler) => action.#handler = handler;
  }

  /** Signals that are blocked while the handler runs. As handlers run one after the other, it means nothing here. */
  declare readonly sa_mask: sigset_t;
  /** `SA_RESTART`, `SA_SIGINFO` … */
  declare sa_flags: number;

  /** What to run, `SIG_IGN` or `SIG_DFL`. */
  get sa_handler(): SigactionHandler {
    return this.#handler;
  }

  /** What to run, `SIG_IGN` or `SIG_DFL`. */
  set sa_handler(handler: SigactionHandler) {
    if (typeof handler !== "function" && handler !== SIG_DFL && handler !== SIG_IGN) {
      const what = `sa_handler must be a function, SIG_DFL or SIG_IGN, got ${shown(handler)}`;
      throw new LibcError("sigaction", "EINVAL", what);
    }
    this.#handler = handler;
  }

  /** The same by the name that C has for a handler with {@linkcode SA_SIGINFO}. */
  get sa_sigaction(): SigactionHandler {
    return this.sa_handler;
  }

  /** The same by the name that C has for a handler with {@linkcode SA_SIGINFO}. */
  set sa_sigaction(handler: SigactionHandler) {
    this.sa_handler = handler;
  }
}

layout(struct_sigaction, "sigaction", {
  __sa_handler: u64,
  sa_mask: nested(sigset_t),
  sa_flags: flags32(FLAGS),
  __sa_restorer: u64,
}, ["sa_flags"]);

const known = layoutOf(struct_sigaction);
/** Bytes of a `struct sigaction`. */
export const ACTION_SIZE: number = known.size;
/** Where its flags are, in 32-bit words. */
export const FLAGS_AT: number = known.members.sa_flags.at / 4;
/** Where its mask is, in bytes. */
export const MASK_AT: number = known.members.sa_mask.at;

/** The flags that there are, without a sign. */
export const KNOWN_FLAGS: number = Object.values(FLAGS).reduce((all, flag) => all | flag, 0) >>> 0;

/** It, as an argument: the kernel's, whose handler is an address. */
export const sigactionKind: Kind<"buffer"> = memory((data) => {
  const view = viewOn(data);
  const address = Number(view.getBigUint64(0, true));
  const handler: TracedArgument = address > SIG_IGN
    ? { pointer: address }
    : named(address, { SIG_DFL, SIG_IGN }, { mask: -1 });
  const { at, member } = known.members.sa_flags;
  return {
    struct: "sigaction",
    fields: { sa_handler: handler, sa_mask: tracedSet(data, MASK_AT), sa_flags: member.trace(view, at) },
  };
});
