/**
 * `<sys/resource.h>`: what processes use.
 *
 * @module
 */
import { long } from "../../native/kinds.ts";
import { layout, Struct } from "../../native/layout.ts";
import { seconds } from "./time.ts";

/** What a process used, `struct rusage` of `getrusage(2)`, filled by `wait3` and `wait4`. */
export class rusage extends Struct {
  /** Time spent in user mode, in seconds. */
  declare readonly ru_utime: number;
  /** Time spent in the kernel, in seconds. */
  declare readonly ru_stime: number;
  /** The most memory it ever had resident, in KiB. */
  declare readonly ru_maxrss: number;
  /** Page faults served without reading from a disk. */
  declare readonly ru_minflt: number;
  /** Page faults that had to read from a disk. */
  declare readonly ru_majflt: number;
  /** How many times the file system had to read from a disk. */
  declare readonly ru_inblock: number;
  /** How many times the file system had to write to a disk. */
  declare readonly ru_oublock: number;
  /** How many times it gave the processor away, mostly to wait. */
  declare readonly ru_nvcsw: number;
  /** How many times the processor was taken away from it. */
  declare readonly ru_nivcsw: number;
}
layout(rusage, "wait4", {
  ru_utime: seconds,
  ru_stime: seconds,
  ru_maxrss: long,
  ru_ixrss: long,
  ru_idrss: long,
  ru_isrss: long,
  ru_minflt: long,
  ru_majflt: long,
  ru_nswap: long,
  ru_inblock: long,
  ru_oublock: long,
  ru_msgsnd: long,
  ru_msgrcv: long,
  ru_nsignals: long,
  ru_nvcsw: long,
  ru_nivcsw: long,
}, []);
