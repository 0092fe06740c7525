import { type DestinationStream, pino } from "pino";
import type { Log } from "./log.ts";

/** JSON lines: a constant message and its fields. `sink` is standard output if not given. */
export const createLog = (level: string, sink?: DestinationStream): Log =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink ?? pino.destination({ sync: true }),
  );
