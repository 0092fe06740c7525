import type { Config } from "../../lib/config.ts";
import type { Log } from "../../lib/log.ts";
import { type CallerConfig, callerOptions, requireCaller } from "./require-caller.ts";
import { requireToken } from "./read-token.ts";
import type { ServerOptions } from "../http/server.ts";

type Guards = Pick<ServerOptions, "guardEvents" | "guardReads" | "guardReforms">;

/**
 * Who reads has a token to read with. Who makes klight do something needs, where callers are checked, the same proof
 * for a re-form as for an event: the token of many readers is no such proof.
 */
export function guardsOf(config: CallerConfig & Pick<Config, "KLIGHT_READ_TOKEN">, log: Log): Guards {
  const reader = config.KLIGHT_READ_TOKEN === undefined ? undefined : requireToken(config.KLIGHT_READ_TOKEN);
  const options = callerOptions(config);
  const caller = options && requireCaller(options, log);
  const reformer = caller ?? reader;
  return {
    ...(caller && { guardEvents: caller }),
    ...(reader && { guardReads: reader }),
    ...(reformer && { guardReforms: reformer }),
  };
}
