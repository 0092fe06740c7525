import { Agent as HttpAgent, type OutgoingHttpHeaders } from "node:http";
import { Agent, type AgentOptions } from "node:https";
import { isDeepStrictEqual } from "node:util";
import { readAccount, readNamespace } from "./service-account.ts";

/** How one request reaches the API server: with what it proves who asks, and over which connections. */
export interface Access {
  readonly headers: OutgoingHttpHeaders;
  /** `USER:PASSWORD`. */
  readonly auth?: string;
  readonly agent: HttpAgent;
}

export interface ApiServerAccess {
  /** May have a path. */
  readonly server: URL;
  /** For each request: tokens and certificates are renewed while klight runs. May reject. */
  readonly access: () => Promise<Access>;
  /** The namespace that klight is in; undefined: nothing tells. */
  readonly namespace: () => Promise<string | undefined>;
}

/** client-go reads a token anew after as long; the old one is good for much longer. */
const FRESH_MS = 60_000;

/** As the service account of the pod that klight runs in. */
export function accountAccess(server: string, directory: string): ApiServerAccess {
  const connections = connectionsFor("https:");
  let read: { readonly account: ReturnType<typeof readAccount>; readonly until: number } | undefined;
  return {
    server: new URL(server),
    access: async () => {
      const now = performance.now();
      if (read === undefined || now > read.until) {
        read = { account: readAccount(directory), until: now + FRESH_MS };
        read.account.catch(() => {
          read = undefined;
        });
      }
      const { ca, token } = await read.account;
      return { headers: { authorization: `Bearer ${token}` }, agent: connections({ ca }) };
    },
    namespace: () => readNamespace(directory),
  };
}

/**
 * Connections are kept for the next request. The API server closes idle ones after 90 s, what stands before it perhaps
 * after 60 s; here they are closed before.
 */
const kept = { keepAlive: true, timeout: 30_000 } as const;

/** The connections with these certificates; new ones when they have changed, and those before end by themselves. */
export function connectionsFor(protocol: string): (tls: AgentOptions) => HttpAgent {
  let last: { readonly tls: AgentOptions; readonly agent: HttpAgent } | undefined;
  return (tls) => {
    if (last === undefined || !isDeepStrictEqual(last.tls, tls)) {
      const agent = protocol === "https:" ? new Agent({ ...kept, ...tls }) : new HttpAgent(kept);
      last = { tls, agent };
    }
    return last.agent;
  };
}
