import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Lateness } from "./peers-calls.ts";

const RESOLUTION_MS = 10;

/** Measures from now on how late the event loop of this process is. */
export function watchLateness(): () => Lateness {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  // What it counts is the time from one timer to the next.
  const late = (ns: number): number => Math.max(0, Math.round(ns / 1e6) - RESOLUTION_MS);
  return () => ({ p99: late(delay.percentile(99)), max: late(delay.max) });
}
