/**
 * All that the classes use of `ffi/native/`.
 *
 * @module
 */
export { byteLengthOf, isBytes } from "../native/bytes.ts";
export { fd, int, onClose } from "../native/check.ts";
export { setMode, setNonblocking } from "../native/descriptor.ts";
export { isForked } from "../native/fork.ts";
export { errno, libc } from "../native/libc.ts";
export { access, isAttached } from "../native/memory.ts";
export { observer } from "../native/observer.ts";
export { type addrinfo_hints, resolve, resolveAsync } from "../native/resolve.ts";
export { layouts } from "../native/structs.ts";
