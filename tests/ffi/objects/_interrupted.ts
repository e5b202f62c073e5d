import { trace } from "../../../ffi/trace/trace.ts";

/** Runs something, with calls in between whenever another call of this name begins or ends. */
export function interrupted<T>(call: string, between: () => void, run: () => T): T {
  using _tracing = trace((event) => {
    if ((event.ev === "enter" || event.ev === "exit") && event.call === call) between();
  });
  return run();
}
