/**
 * Descriptors and credentials that go over a unix socket along with data.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import {
  CMSG_SPACE,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  msghdr,
  recvmsg,
  SCM_RIGHTS,
  sendmsg,
  SOL_SOCKET,
  ucred,
} from "../libc/sys/socket.ts";
import { close } from "../libc/unistd.ts";
import { byteLengthOf, plain } from "../native/bytes.ts";
import { asItems, shown } from "../native/check.ts";

/** As many as the kernel lets anybody send at once, `SCM_MAX_FD`. */
export const MOST_FDS = 253;

const LABEL = 4096; // bytes: the longest security label, which `SO_PASSSEC` asks for
/** Room for all that the kernel puts before the descriptors: credentials, a process's descriptor, a label. */
const OTHERS = CMSG_SPACE(12) + CMSG_SPACE(4) + CMSG_SPACE(LABEL);

/** What has arrived. */
export interface Arrived {
  /** How many bytes of data. */
  length: number;
  /** The descriptors. */
  fds: number[];
  /** The sender's credentials, if the socket asks for them. */
  credentials: ucred | undefined;
  /** Whether there were more descriptors than room. */
  truncated: boolean;
  /** Whether there were more data than room. */
  cut: boolean;
}

/** The descriptors to send, as they are now. */
export function listOf(fds: number[]): number[] {
  return asItems(fds, MOST_FDS + 1, "sendmsg", "fds") as number[];
}

/** How many descriptors may arrive. */
export function checkMost(max: number): number {
  if (Number.isInteger(max) && max >= 0 && max <= MOST_FDS) return max;
  throw new LibcError("recvmsg", "EINVAL", `max must be 0 to ${MOST_FDS} descriptors, got ${shown(max)}`);
}

const MOST_AT_ONCE = 1 << 16; // bytes: each attempt copies them

/** Sends data, of a stream a part, and descriptors with the first byte of them. */
export function sendWith(sockfd: number, stream: boolean, data: Uint8Array<ArrayBuffer>, fds: number[]): number {
  const length = byteLengthOf(data);
  const msg = new msghdr([stream && length > MOST_AT_ONCE ? plain(data, 0, MOST_AT_ONCE) : data]);
  if (fds.length > 0) msg.msg_control = [{ cmsg_level: SOL_SOCKET, cmsg_type: SCM_RIGHTS, cmsg_data: fds }];
  return sendmsg(sockfd, msg, MSG_NOSIGNAL);
}

/** Receives data, and at most so many descriptors. */
export function receiveWith(sockfd: number, into: Uint8Array<ArrayBuffer>, max: number): Arrived {
  const msg = new msghdr([into]);
  msg.msg_controllen = OTHERS + CMSG_SPACE(4 * max);
  let length: number;
  try {
    length = recvmsg(sockfd, msg, MSG_CMSG_CLOEXEC);
  } catch (error) {
    closeAll(descriptorsIn(msg)); // the memory for the data has gone meanwhile
    throw error;
  }
  let credentials: ucred | undefined;
  for (const { cmsg_data } of msg.msg_control) if (cmsg_data instanceof ucred) credentials = cmsg_data;
  const fds = descriptorsIn(msg, SCM_RIGHTS);
  closeAll(descriptorsIn(msg).filter((fd) => !fds.includes(fd))); // SO_PASSPIDFD has asked for it, but nobody could get it
  closeAll(fds.slice(max)); // where nothing else came, there was room for more
  return {
    length,
    fds: fds.slice(0, max),
    credentials,
    truncated: fds.length > max || (msg.msg_flags & MSG_CTRUNC) !== 0,
    cut: (msg.msg_flags & MSG_TRUNC) !== 0,
  };
}

function descriptorsIn({ msg_control }: msghdr, type?: number): number[] {
  return msg_control.flatMap(({ cmsg_type, cmsg_data }) =>
    Array.isArray(cmsg_data) && (type === undefined || cmsg_type === type) ? cmsg_data.filter((fd) => fd >= 0) : []
  );
}

/** Closes descriptors that nobody gets. */
export function closeAll(fds: number[]): void {
  for (const fd of fds) close(fd);
}
