import { connectionsFor, type ServerAccess } from "../json-requests.ts";
import { readAccount, readNamespace } from "./service-account.ts";

export interface ApiServerAccess extends ServerAccess {
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
