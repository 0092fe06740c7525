import { access } from "node:fs/promises";
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, type RemoteJWKSet } from "jose";
import { getJson, type ServiceAccount } from "./get-json.ts";

export interface KeyOptions {
  /** What tokens have as `iss`. */
  readonly issuer: string;
  /** Where its keys are; absent: they are found. */
  readonly jwksUrl?: string;
  /** For each request. */
  readonly timeoutMs: number;
  /** Absent outside a cluster. */
  readonly account?: ServiceAccount;
}

/** Whether a token is good cannot be told now: its key may be one that could not be read. */
export class KeysUnavailableError extends Error {
  readonly code = "KeysUnavailable";
}

/**
 * The key that has signed a token. All keys of the issuer are read with the first token, again after ten minutes, and
 * for a token whose key is not among them: at most every half minute, so that made-up tokens make no storm of requests.
 */
export function createKeys(options: KeyOptions): JWTVerifyGetKey {
  let found: Promise<RemoteJWKSet> | undefined;
  const find = (): Promise<RemoteJWKSet> => {
    found ??= findKeys(options).catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
  return async (header, token) => {
    const keys = await find().catch(keysUnavailable);
    const wasJustRead = keys.coolingDown;
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      if (!(error instanceof errors.JWKSNoMatchingKey)) return keysUnavailable(error);
      if (!wasJustRead) throw error;
      throw new KeysUnavailableError(
        `no key of ${options.issuer} is called ${header.kid ?? ""}, and its keys were read just now`,
      );
    }
  };
}

const keysUnavailable = (error: unknown): never => {
  throw new KeysUnavailableError(error instanceof Error ? error.message : String(error), { cause: error });
};

async function findKeys(options: KeyOptions): Promise<RemoteJWKSet> {
  const { timeoutMs, account } = options;
  return createRemoteJWKSet(await keysAddress(options), {
    timeoutDuration: timeoutMs,
    [customFetch]: async (url, { signal }) => Response.json(await getJson(new URL(url), signal, account)),
  });
}

/**
 * The API server is asked before the issuer: it has the keys of the tokens that it signs at a fixed path, for every
 * pod of the cluster. The address that it tells others, and the issuer's own, are often not reached from inside.
 */
async function keysAddress({ issuer, jwksUrl, timeoutMs, account }: KeyOptions): Promise<URL> {
  if (jwksUrl !== undefined) return new URL(jwksUrl);
  const discover = (base: string): Promise<Discovery> => discovery(base, timeoutMs, account);
  const problems: string[] = [];
  if (account !== undefined && (await isThere(account))) {
    try {
      const { issuer: own } = await discover(account.apiServer.origin);
      if (own === issuer) return new URL("/openid/v1/jwks", account.apiServer);
      problems.push(`the API server's issuer is ${own}`);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  try {
    return addressFrom(await discover(issuer), issuer);
  } catch (error) {
    throw new Error([...problems, (error as Error).message].join("; "), { cause: error });
  }
}

/** On somebody's own machine there is none. */
const isThere = ({ directory }: ServiceAccount): Promise<boolean> =>
  access(`${directory}/token`).then(
    () => true,
    () => false,
  );

interface Discovery {
  readonly issuer: string;
  readonly jwks_uri: string;
}

async function discovery(base: string, timeoutMs: number, account?: ServiceAccount): Promise<Discovery> {
  const url = new URL(`${base.replace(/\/$/u, "")}/.well-known/openid-configuration`);
  const document = await getJson(url, AbortSignal.timeout(timeoutMs), account);
  const { issuer, jwks_uri } = (document ?? {}) as Partial<Record<keyof Discovery, unknown>>;
  if (typeof issuer !== "string" || typeof jwks_uri !== "string" || !URL.canParse(jwks_uri)) {
    throw new Error(`${url.href}: not the discovery document of an issuer`);
  }
  return { issuer, jwks_uri };
}

/** A document that speaks for another issuer, or leads from https to where anybody may answer, is not followed. */
function addressFrom(document: Discovery, issuer: string): URL {
  if (document.issuer !== issuer) {
    throw new Error(`${issuer}: its discovery document is that of ${document.issuer}`);
  }
  const address = new URL(document.jwks_uri);
  const allowed = issuer.startsWith("https:") ? ["https:"] : ["https:", "http:"];
  if (!allowed.includes(address.protocol)) throw new Error(`${issuer}: its keys are at ${address.href}`);
  return address;
}
