import {
  type HttpMethod,
  IsomorphicFetchHttpLibrary,
  KubeConfig,
  RequestContext,
} from "@kubernetes/client-node";

/** One request to the API server, as its documentation writes it. */
export interface ApiRequest {
  readonly method: HttpMethod;
  /** Begins with `/api`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly contentType: string; readonly json: unknown };
}

/** `unreachable`: no whole answer came in time. The body is undefined where it is not JSON. */
export type ApiAnswer =
  | { readonly tag: "answer"; readonly status: number; readonly body: unknown }
  | { readonly tag: "unreachable"; readonly message: string };

/** Never rejects. */
export type Send = (request: ApiRequest) => Promise<ApiAnswer>;

/**
 * Sends requests as client-node's `KubeConfig` says: address, certificates, tokens and their renewal, proxies. Its
 * typed API classes are left out: they turn times into Date and drop what they do not know, so that a pod of a LIST
 * would read differently from the same pod in an event.
 *
 * Throws where there is no usable configuration.
 */
export function openApiServer(options: {
  /** Path of a kubeconfig file; absent: the service account of the pod that this runs in. */
  readonly kubeconfig?: string;
  /** Instead of either: one that is read already. */
  readonly config?: KubeConfig;
  readonly timeoutMs: number;
}): Send {
  const config = options.config ?? loadConfig(options.kubeconfig);
  const server = config.getCurrentCluster()?.server ?? "";
  if (!URL.canParse(server)) {
    throw new Error("not in a cluster, and KUBECONFIG names no cluster");
  }
  const http = new IsomorphicFetchHttpLibrary();
  const keepConnections = connectionKeeper();

  const exchange = async (request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> => {
    const context = new RequestContext(server.replace(/\/$/u, "") + request.path, request.method);
    for (const [name, value] of Object.entries(request.query ?? {})) context.setQueryParam(name, value);
    context.setHeaderParam("Accept", "application/json");
    context.setHeaderParam("User-Agent", "klight");
    if (request.body !== undefined) {
      context.setHeaderParam("Content-Type", request.body.contentType);
      context.setBody(JSON.stringify(request.body.json));
    }
    context.setSignal(signal);
    await config.applySecurityAuthentication(context);
    keepConnections(context);
    const response = await http.send(context).toPromise();
    const text = await response.body.text();
    return { tag: "answer", status: response.httpStatusCode, body: parsed(text) };
  };

  return async (request) => {
    const signal = AbortSignal.timeout(options.timeoutMs);
    try {
      // The signal reaches the request alone; renewing a token can hang as well.
      return await Promise.race([exchange(request, signal), aborted(signal)]);
    } catch (error) {
      return { tag: "unreachable", message: reasonOf(error) };
    }
  };
}

function loadConfig(kubeconfig: string | undefined): KubeConfig {
  const config = new KubeConfig();
  // Never the file in the home directory: whoever starts klight by hand would change whatever cluster it points to.
  if (kubeconfig === undefined) config.loadFromCluster();
  else config.loadFromFile(kubeconfig);
  return config;
}

const CONNECTIONS_MS = 60_000;

/**
 * client-node makes new connections for each request to a server with its own CA. One minute of them is kept
 * instead; after it, certificates that were renewed meanwhile are taken.
 */
function connectionKeeper(): (context: RequestContext) => void {
  let kept:
    { readonly connections: ReturnType<RequestContext["getDispatcher"]>; readonly until: number } | undefined;
  return (context) => {
    const fresh = context.getDispatcher();
    if (fresh === undefined) return;
    if (kept?.connections === undefined || performance.now() > kept.until) {
      // Requests that are under way still end; the promise says only when the last has.
      kept?.connections?.close().catch(() => undefined);
      kept = { connections: fresh, until: performance.now() + CONNECTIONS_MS };
      return;
    }
    context.setDispatcher(kept.connections);
  };
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
  });

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The innermost message: fetch itself says just "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  if (error instanceof AggregateError && error.message === "") return error.errors.map(reasonOf).join(", ");
  return error.message;
}
