import { decodeJwt, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import type { Reason } from "../../lib/reasons.ts";
import { shown } from "../../lib/shown.ts";
import { createKeys, type KeyOptions, KeysUnavailableError } from "./keys.ts";

/** Who calls. */
export type Caller =
  | { readonly tag: "known"; readonly subject: string }
  | { readonly tag: "refused"; readonly reason: Reason<"caller">; readonly message: string }
  /** Neither: what is sent has to come again. */
  | { readonly tag: "unsure"; readonly reason: "KeysUnavailable"; readonly message: string };

export interface CallerOptions extends KeyOptions {
  readonly audience: string;
  /** Who may call; one that ends in `*` stands for all that begin so. */
  readonly subjects: readonly string[];
}

/** Takes the header `Authorization`. */
export type IdentifyCaller = (authorization: string | undefined) => Promise<Caller>;

/**
 * Signatures that only the issuer can make. Not in it: `none`, and HMAC, with which anybody who knows the public key
 * could sign.
 */
const ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");

/** How far clocks in a cluster may be apart. A token that is refused for it is an event in the dead letters. */
const CLOCKS_APART_S = 60;

/** Checks the bearer tokens (JWT) that Knative sends with events. Never rejects but for a defect. */
export function createCallers(options: CallerOptions): IdentifyCaller {
  const keys = createKeys(options);
  return async (authorization) => {
    const [, token] = /^bearer +(\S+)$/iu.exec(authorization ?? "") ?? [];
    if (token === undefined) return refused("TokenMissing", "send a token: Authorization: Bearer TOKEN");
    try {
      // A token of somebody else is refused before its key is looked for: the issuer need not be asked for that.
      const { iss } = decodeJwt(token);
      if (iss !== options.issuer)
        return refused("TokenWrongIssuer", claimProblem("issuer", iss, options.issuer));
      return allowed(await tokenPayload(token, keys, options), options.subjects);
    } catch (error) {
      return refusedCaller(error, options);
    }
  };
}

async function tokenPayload(
  token: string,
  keys: JWTVerifyGetKey,
  { issuer, audience }: CallerOptions,
): Promise<JWTPayload> {
  const { payload } = await jwtVerify(token, keys, {
    algorithms: ALGORITHMS,
    issuer,
    audience,
    // One without an end would be good for ever.
    requiredClaims: ["exp", "sub"],
    clockTolerance: CLOCKS_APART_S,
  });
  return payload;
}

/** `subject`: what the token says; that it is a text is the issuer's matter, and not checked by who reads it. */
function allowed({ sub: subject }: { readonly sub?: unknown }, subjects: readonly string[]): Caller {
  if (typeof subject !== "string")
    return refused("TokenMalformed", `its sub must be a text, was ${shown(subject)}`);
  const matches = (one: string): boolean =>
    one.endsWith("*") ? subject.startsWith(one.slice(0, -1)) : subject === one;
  if (subjects.some(matches)) return { tag: "known", subject };
  return refused("SubjectNotAllowed", `${subject} is not one of ${subjects.join(", ")}`);
}

/** What jose throws, as a reason. Anything else is a defect. */
function refusedCaller(error: unknown, { audience }: CallerOptions): Caller {
  if (error instanceof KeysUnavailableError) {
    return { tag: "unsure", reason: "KeysUnavailable", message: error.message };
  }
  if (error instanceof errors.JWTExpired) {
    return refused("TokenExpired", `its time was over at ${tokenTime(error.payload.exp)}`);
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, payload, message } = error;
    if (claim === "aud")
      return refused("TokenWrongAudience", claimProblem("audience", payload.aud, audience));
    if (claim === "nbf") return refused("TokenNotYetValid", `its time begins at ${tokenTime(payload.nbf)}`);
    return refused("TokenMalformed", message);
  }
  if (!(error instanceof errors.JOSEError)) throw error;
  const unsigned = [
    errors.JOSEAlgNotAllowed,
    errors.JWKSNoMatchingKey,
    errors.JWKSMultipleMatchingKeys,
    errors.JWSSignatureVerificationFailed,
  ].some((kind) => error instanceof kind);
  return refused(unsigned ? "TokenBadSignature" : "TokenMalformed", error.message);
}

const refused = (reason: Reason<"caller">, message: string): Caller => ({ tag: "refused", reason, message });

const claimProblem = (what: string, received: unknown, expected: string): string =>
  `its ${what} is ${shown(received ?? null)}, and not "${expected}"`;

const tokenTime = (seconds: number | undefined): string =>
  seconds !== undefined && Math.abs(seconds) < 8.64e12 ? new Date(seconds * 1_000).toISOString() : "no time";
