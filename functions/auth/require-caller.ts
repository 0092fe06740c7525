import type { RequestHandler } from "express";
import { ACCOUNT_DIRECTORY } from "../../lib/cluster/service-account.ts";
import { type Config, namespaceOf } from "../../lib/config.ts";
import type { Log } from "../../lib/log.ts";
import type { Caller, CallerOptions, IdentifyCaller } from "./callers.ts";
import { outcomeHeader, problem, type Reply } from "../http/problem.ts";

export type CallerConfig = Pick<
  Config,
  | "KLIGHT_OIDC_ISSUER"
  | "KLIGHT_OIDC_AUDIENCE"
  | "KLIGHT_OIDC_SUBJECTS"
  | "KLIGHT_OIDC_JWKS_URL"
  | "KUBECONFIG"
  | "KLIGHT_API_TIMEOUT_MS"
>;

/** Where every pod finds the API server, by a name that is in its certificate. */
const inCluster = {
  apiServer: new URL("https://kubernetes.default.svc"),
  directory: ACCOUNT_DIRECTORY,
};

/** What the configuration says of callers; undefined: anybody may call. */
export function callerOptions(config: CallerConfig): CallerOptions | undefined {
  const { KLIGHT_OIDC_ISSUER: issuer, KLIGHT_OIDC_AUDIENCE: audience } = config;
  // The configuration is refused with just one of them.
  if (issuer === undefined || audience === undefined) return undefined;
  const jwksUrl = config.KLIGHT_OIDC_JWKS_URL;
  return {
    issuer,
    audience,
    subjects: subjectsOf(config.KLIGHT_OIDC_SUBJECTS, audience),
    timeoutMs: config.KLIGHT_API_TIMEOUT_MS,
    ...(jwksUrl !== undefined && { jwksUrl }),
    ...(config.KUBECONFIG === undefined && { account: inCluster }),
  };
}

/**
 * Never just everybody unless somebody says so: who may create a pod anywhere in the cluster gets a token of that pod's
 * account for any audience, by asking for it in the pod's volumes. As with Knative's own Brokers, the default is who is
 * in the same namespace: there Knative makes the accounts of Triggers and sources.
 */
function subjectsOf(given: readonly string[], audience: string): readonly string[] {
  return given.length > 0 ? given : [`system:serviceaccount:${namespaceOf(audience) ?? ""}:*`];
}

/** Lets through requests with a good token. What checks it is loaded with the first of them. */
export function requireCaller(options: CallerOptions, log: Log): RequestHandler {
  let loading: Promise<IdentifyCaller> | undefined;
  const load = async (): Promise<IdentifyCaller> => {
    const { createCallers } = await import("./callers.ts");
    return createCallers(options);
  };
  return async ({ headers, baseUrl, path }, response, next) => {
    const identify = await (loading ??= load());
    const caller = await identify(headers.authorization);
    const { tag, ...fields } = { ...caller, path: baseUrl + path };
    if (caller.tag === "known") {
      // Events are many; who asks for something by hand is worth a line.
      log[fields.path === "/" ? "debug" : "info"](fields, "caller known");
      next();
      return;
    }
    log.warn(fields, tag === "refused" ? "caller refused" : "caller not known now");
    const { status, headers: more, body } = refusalReply(caller);
    response.status(status).set(more).end(body);
  };
}

/**
 * A Trigger gives an event that is refused to the dead letters at once, and tries again what is answered 503. So only
 * what is wrong for good is refused.
 */
function refusalReply(caller: Exclude<Caller, { tag: "known" }>): Reply {
  const { reason, message } = caller;
  const outcome = outcomeHeader(caller.tag === "refused" ? "refused" : "held", `${reason}: ${message}`);
  const words = { title: reason, detail: message };
  if (caller.tag === "unsure") return problem(503, words, { ...outcome, "retry-after": "5" });
  const status = reason === "SubjectNotAllowed" ? 403 : 401;
  return problem(status, words, { ...outcome, "www-authenticate": challengeOf(reason) });
}

/** RFC 6750: no error where there was no token at all. */
function challengeOf(reason: string): string {
  const realm = 'Bearer realm="klight"';
  if (reason === "TokenMissing") return realm;
  const error = reason === "SubjectNotAllowed" ? "insufficient_scope" : "invalid_token";
  return `${realm}, error="${error}", error_description="${reason}"`;
}
