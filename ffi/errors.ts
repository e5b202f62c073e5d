/**
 * The one error class of the library, and the kernel's error numbers.
 *
 * @module
 */

/** Number, name and message of every `errno` of Linux, as in `errno(3)` and `strerror(3)`. */
export const ERRNOS = [
  [1, "EPERM", "Operation not permitted"],
  [2, "ENOENT", "No such file or directory"],
  [3, "ESRCH", "No such process"],
  [4, "EINTR", "Interrupted system call"],
  [5, "EIO", "Input/output error"],
  [6, "ENXIO", "No such device or address"],
  [7, "E2BIG", "Argument list too long"],
  [8, "ENOEXEC", "Exec format error"],
  [9, "EBADF", "Bad file descriptor"],
  [10, "ECHILD", "No child processes"],
  [11, "EAGAIN", "Resource temporarily unavailable"],
  [12, "ENOMEM", "Cannot allocate memory"],
  [13, "EACCES", "Permission denied"],
  [14, "EFAULT", "Bad address"],
  [15, "ENOTBLK", "Block device required"],
  [16, "EBUSY", "Device or resource busy"],
  [17, "EEXIST", "File exists"],
  [18, "EXDEV", "Invalid cross-device link"],
  [19, "ENODEV", "No such device"],
  [20, "ENOTDIR", "Not a directory"],
  [21, "EISDIR", "Is a directory"],
  [22, "EINVAL", "Invalid argument"],
  [23, "ENFILE", "Too many open files in system"],
  [24, "EMFILE", "Too many open files"],
  [25, "ENOTTY", "Inappropriate ioctl for device"],
  [26, "ETXTBSY", "Text file busy"],
  [27, "EFBIG", "File too large"],
  [28, "ENOSPC", "No space left on device"],
  [29, "ESPIPE", "Illegal seek"],
  [30, "EROFS", "Read-only file system"],
  [31, "EMLINK", "Too many links"],
  [32, "EPIPE", "Broken pipe"],
  [33, "EDOM", "Numerical argument out of domain"],
  [34, "ERANGE", "Numerical result out of range"],
  [35, "EDEADLK", "Resource deadlock avoided"],
  [36, "ENAMETOOLONG", "File name too long"],
  [37, "ENOLCK", "No locks available"],
  [38, "ENOSYS", "Function not implemented"],
  [39, "ENOTEMPTY", "Directory not empty"],
  [40, "ELOOP", "Too many levels of symbolic links"],
  [42, "ENOMSG", "No message of desired type"],
  [43, "EIDRM", "Identifier removed"],
  [44, "ECHRNG", "Channel number out of range"],
  [45, "EL2NSYNC", "Level 2 not synchronized"],
  [46, "EL3HLT", "Level 3 halted"],
  [47, "EL3RST", "Level 3 reset"],
  [48, "ELNRNG", "Link number out of range"],
  [49, "EUNATCH", "Protocol driver not attached"],
  [50, "ENOCSI", "No CSI structure available"],
  [51, "EL2HLT", "Level 2 halted"],
  [52, "EBADE", "Invalid exchange"],
  [53, "EBADR", "Invalid request descriptor"],
  [54, "EXFULL", "Exchange full"],
  [55, "ENOANO", "No anode"],
  [56, "EBADRQC", "Invalid request code"],
  [57, "EBADSLT", "Invalid slot"],
  [59, "EBFONT", "Bad font file format"],
  [60, "ENOSTR", "Device not a stream"],
  [61, "ENODATA", "No data available"],
  [62, "ETIME", "Timer expired"],
  [63, "ENOSR", "Out of streams resources"],
  [64, "ENONET", "Machine is not on the network"],
  [65, "ENOPKG", "Package not installed"],
  [66, "EREMOTE", "Object is remote"],
  [67, "ENOLINK", "Link has been severed"],
  [68, "EADV", "Advertise error"],
  [69, "ESRMNT", "Srmount error"],
  [70, "ECOMM", "Communication error on send"],
  [71, "EPROTO", "Protocol error"],
  [72, "EMULTIHOP", "Multihop attempted"],
  [73, "EDOTDOT", "RFS specific error"],
  [74, "EBADMSG", "Bad message"],
  [75, "EOVERFLOW", "Value too large for defined data type"],
  [76, "ENOTUNIQ", "Name not unique on network"],
  [77, "EBADFD", "File descriptor in bad state"],
  [78, "EREMCHG", "Remote address changed"],
  [79, "ELIBACC", "Can not access a needed shared library"],
  [80, "ELIBBAD", "Accessing a corrupted shared library"],
  [81, "ELIBSCN", ".lib section in a.out corrupted"],
  [82, "ELIBMAX", "Attempting to link in too many shared libraries"],
  [83, "ELIBEXEC", "Cannot exec a shared library directly"],
  [84, "EILSEQ", "Invalid or incomplete multibyte or wide character"],
  [85, "ERESTART", "Interrupted system call should be restarted"],
  [86, "ESTRPIPE", "Streams pipe error"],
  [87, "EUSERS", "Too many users"],
  [88, "ENOTSOCK", "Socket operation on non-socket"],
  [89, "EDESTADDRREQ", "Destination address required"],
  [90, "EMSGSIZE", "Message too long"],
  [91, "EPROTOTYPE", "Protocol wrong type for socket"],
  [92, "ENOPROTOOPT", "Protocol not available"],
  [93, "EPROTONOSUPPORT", "Protocol not supported"],
  [94, "ESOCKTNOSUPPORT", "Socket type not supported"],
  [95, "EOPNOTSUPP", "Operation not supported"],
  [96, "EPFNOSUPPORT", "Protocol family not supported"],
  [97, "EAFNOSUPPORT", "Address family not supported by protocol"],
  [98, "EADDRINUSE", "Address already in use"],
  [99, "EADDRNOTAVAIL", "Cannot assign requested address"],
  [100, "ENETDOWN", "Network is down"],
  [101, "ENETUNREACH", "Network is unreachable"],
  [102, "ENETRESET", "Network dropped connection on reset"],
  [103, "ECONNABORTED", "Software caused connection abort"],
  [104, "ECONNRESET", "Connection reset by peer"],
  [105, "ENOBUFS", "No buffer space available"],
  [106, "EISCONN", "Transport endpoint is already connected"],
  [107, "ENOTCONN", "Transport endpoint is not connected"],
  [108, "ESHUTDOWN", "Cannot send after transport endpoint shutdown"],
  [109, "ETOOMANYREFS", "Too many references: cannot splice"],
  [110, "ETIMEDOUT", "Connection timed out"],
  [111, "ECONNREFUSED", "Connection refused"],
  [112, "EHOSTDOWN", "Host is down"],
  [113, "EHOSTUNREACH", "No route to host"],
  [114, "EALREADY", "Operation already in progress"],
  [115, "EINPROGRESS", "Operation now in progress"],
  [116, "ESTALE", "Stale file handle"],
  [117, "EUCLEAN", "Structure needs cleaning"],
  [118, "ENOTNAM", "Not a XENIX named type file"],
  [119, "ENAVAIL", "No XENIX semaphores available"],
  [120, "EISNAM", "Is a named type file"],
  [121, "EREMOTEIO", "Remote I/O error"],
  [122, "EDQUOT", "Disk quota exceeded"],
  [123, "ENOMEDIUM", "No medium found"],
  [124, "EMEDIUMTYPE", "Wrong medium type"],
  [125, "ECANCELED", "Operation canceled"],
  [126, "ENOKEY", "Required key not available"],
  [127, "EKEYEXPIRED", "Key has expired"],
  [128, "EKEYREVOKED", "Key has been revoked"],
  [129, "EKEYREJECTED", "Key was rejected by service"],
  [130, "EOWNERDEAD", "Owner died"],
  [131, "ENOTRECOVERABLE", "State not recoverable"],
  [132, "ERFKILL", "Operation not possible due to RF-kill"],
  [133, "EHWPOISON", "Memory page has hardware error"],
] as const;

/** Number and name of the errors that only `getaddrinfo(3)` has. Their messages are `gai_strerror(3)`'s. */
export const EAI_ERRORS = [
  [-1, "EAI_BADFLAGS"],
  [-2, "EAI_NONAME"],
  [-3, "EAI_AGAIN"],
  [-4, "EAI_FAIL"],
  [-5, "EAI_NODATA"],
  [-6, "EAI_FAMILY"],
  [-7, "EAI_SOCKTYPE"],
  [-8, "EAI_SERVICE"],
  [-9, "EAI_ADDRFAMILY"],
  [-10, "EAI_MEMORY"],
  [-11, "EAI_SYSTEM"],
  [-12, "EAI_OVERFLOW"],
] as const;

/** The name of an error of `errno(3)`: `"ENOENT"`. */
export type Errno = typeof ERRNOS[number][1];

/**
 * What {@linkcode LibcError.code} can be: the name of an error, or the digits of a number that has none.
 */
export type ErrorCode = Errno | typeof EAI_ERRORS[number][1] | `${number}`;

type Row = readonly [errno: number, code: Errno, message: string];
const byNumber: ReadonlyMap<number, Row> = new Map(ERRNOS.map((row): [number, Row] => [row[0], row]));
const byCode: ReadonlyMap<string, number> = new Map(ERRNOS.map(([errno, code]) => [code, errno]));

/** A value as text, also one that cannot be made into it: what tells of errors must not fail itself. */
function textOf(value: unknown): string {
  try {
    return `${value}`;
  } catch {
    return typeof value;
  }
}

/** The message that `strerror(3)` has for an error number. */
export function errnoMessage(errno: number): string {
  return byNumber.get(errno)?.[2] ?? `Unknown error ${textOf(errno)}`;
}

/** The name of an error number (`2` → `"ENOENT"`), or the number as text where it has none. */
export function errnoCode(errno: number): ErrorCode {
  return byNumber.get(errno)?.[1] ?? textOf(errno) as `${number}`;
}

/** The number of an error name (`"ENOENT"` → `2`); 0 for what is no such name. */
export function errnoNumber(code: string): number {
  return byCode.get(code) ?? 0;
}

/**
 * What every failing call of this library throws: the kernel's `errno`, and which call it was.
 *
 * The message starts as `perror(3)` prints it and goes on with what would help:
 * `shmget: No such file or directory (key 0x162e, 27 bytes)`. Arguments that cannot be handed to
 * the kernel at all (a fraction, a string where a number belongs, a buffer that is too short) are
 * reported the same way, as `EINVAL` or `EFAULT`.
 *
 * @example
 * ```ts
 * import { LibcError, shmget } from "./mod.ts";
 *
 * try {
 *   shmget(0x7e57_0001, 27, 0o666);
 * } catch (error) {
 *   if (error instanceof LibcError && error.code === "ENOENT") {
 *     console.log("no such segment:", error.message);
 *   }
 * }
 * ```
 */
export class LibcError extends Error {
  /** The error's name, such as `"ENOENT"`; `getaddrinfo` has names of its own, such as `"EAI_NONAME"`. */
  readonly code: ErrorCode;
  /** The error's number as in `errno(3)`; negative for the `EAI_*` errors of `getaddrinfo(3)`. */
  readonly errno: number;
  /** The function that failed: libc's, or one of this library's own, such as `"peek"`. */
  readonly syscall: string;
  /** The message alone, as `strerror(3)` or `gai_strerror(3)` has it. */
  readonly reason: string;
  /** What would help to find the cause; it stands in parentheses at the end of `message`. */
  readonly detail?: string;

  /**
   * Makes an error, to be thrown.
   *
   * @param syscall The function that failed, such as `"shmget"`.
   * @param errno The error's number, or its name.
   * @param detail What would help to find the cause; it goes in parentheses behind the message.
   * @param known Name and message of an error that is not in `errno(3)`.
   */
  constructor(
    syscall: string,
    errno: number | Errno,
    detail?: string,
    known?: { code: ErrorCode; reason: string },
  ) {
    const number = typeof errno === "string" ? errnoNumber(errno) : errno;
    const reason = known?.reason ?? errnoMessage(number);
    super(`${textOf(syscall)}: ${textOf(reason)}${detail ? ` (${textOf(detail)})` : ""}`);
    this.name = "LibcError";
    this.code = known?.code ?? errnoCode(number);
    this.errno = number;
    this.syscall = syscall;
    this.reason = reason;
    if (detail) this.detail = detail;
  }
}
