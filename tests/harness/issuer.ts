import { readFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from "jose";

/** Claims; one that is undefined is left out. */
export type Claims = { readonly [Name in keyof JWTPayload]: JWTPayload[Name] | undefined };

/** A key pair of an issuer, by the name in its tokens' headers. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

export async function makeKey(kid: string, alg = "RS256"): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

/** What the issuer does with a request instead of answering it well. */
export type Trouble = (request: IncomingMessage, response: Parameters<RequestListener>[1]) => boolean;

/** An issuer of tokens over real HTTP: discovery document, key set, and requests kept. */
export interface Issuer {
  readonly url: string;
  readonly audience: string;
  /** Those that the key set shows. */
  keys: readonly SigningKey[];
  /** Answers true where it has taken the request. */
  trouble: Trouble | undefined;
  /** Paths with their `Authorization`, in order. */
  readonly asked: readonly { readonly path: string; readonly authorization: string | undefined }[];
  /** How often the key set was read. */
  readonly keyReads: () => number;
  /** A token as Knative's are, with these changes. */
  token(changes?: Claims, by?: SigningKey, header?: Partial<JWTHeaderParameters>): Promise<string>;
  close(): Promise<void>;
}

export interface IssuerOptions {
  /** Over TLS with the certificate of the fixtures. */
  readonly tls?: boolean;
  /** What it calls itself; absent: its address. */
  readonly issuer?: string;
  /** Where it says that its keys are; absent: where they are. */
  readonly jwksUri?: string;
  readonly keys?: readonly SigningKey[];
  /** Without this bearer token it answers 401. */
  readonly needs?: () => string;
}

const audience = "serving.knative.dev/service/klight/klight";
const pem = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

export async function startIssuer(options: IssuerOptions = {}): Promise<Issuer> {
  const keys = options.keys ?? [await makeKey("first")];
  const asked: { path: string; authorization: string | undefined }[] = [];
  const listener: RequestListener = (request, response) => {
    const { url: path = "" } = request;
    const { authorization } = request.headers;
    asked.push({ path, authorization });
    if (issuer.trouble?.(request, response)) return;
    if (options.needs && authorization !== `Bearer ${options.needs()}`) {
      response.writeHead(401).end();
      return;
    }
    const document = {
      issuer: options.issuer ?? issuer.url,
      jwks_uri: options.jwksUri ?? `${issuer.url}/openid/v1/jwks`,
    };
    const keySet = { keys: issuer.keys.map(({ jwk }) => jwk) };
    if (path.endsWith("/.well-known/openid-configuration")) {
      give(request, response, { type: "application/json", document });
    } else if (path === "/openid/v1/jwks") {
      give(request, response, { type: "application/jwk-set+json", document: keySet });
    } else response.writeHead(404, text).end("404 page not found\n");
  };
  const server: Server = options.tls
    ? createTlsServer({ key: pem("key"), cert: pem("certificate") }, listener)
    : createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const scheme = options.tls ? "https" : "http";
  const issuer: Issuer = {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    audience,
    keys,
    trouble: undefined,
    asked,
    keyReads: () => asked.filter(({ path }) => path === "/openid/v1/jwks").length,
    token: (changes, by = issuer.keys[0], header) => {
      if (by === undefined) throw new Error("the issuer has no key");
      return sign({ iss: options.issuer ?? issuer.url, ...changes }, by, header);
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return issuer;
}

const text = { "content-type": "text/plain; charset=utf-8" };

/** As the API server does: GET alone, and a document in its one type for whoever takes that. */
function give(
  { method, headers: { accept = "*/*" } }: IncomingMessage,
  response: Parameters<RequestListener>[1],
  { type, document }: { readonly type: string; readonly document: object },
): void {
  const taken = new Set(accept.split(",").map((each) => each.split(";")[0]?.trim()));
  if (method !== "GET") response.writeHead(405, { ...text, allow: "GET" }).end("405: Method Not Allowed");
  else if (taken.has(type) || taken.has("*/*")) {
    response.writeHead(200, { "content-type": type }).end(JSON.stringify(document));
  } else {
    const message = `406: Not Acceptable\n\nAvailable representations: ${type}`;
    const refusal = {
      metadata: {},
      status: "Failure",
      message,
      reason: "NotAcceptable",
      details: {},
      code: 406,
    };
    const body = JSON.stringify({ kind: "Status", apiVersion: "v1", ...refusal });
    response.writeHead(406, { "content-type": "application/json" }).end(body);
  }
}

/** Seconds from now, as a claim. */
export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

/** The claims of a service account's token, without those that the API server adds for itself. */
export const claims = (changes: Claims): JWTPayload => {
  const all: Claims = {
    aud: [audience],
    sub: "system:serviceaccount:klight:klight-oidc-eventing.knative.dev-trigger",
    iat: inSeconds(0),
    nbf: inSeconds(0),
    exp: inSeconds(3_600),
    ...changes,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
};

const sign = (
  changes: Claims,
  { kid, alg, privateKey }: SigningKey,
  header?: Partial<JWTHeaderParameters>,
): Promise<string> =>
  new SignJWT(claims(changes)).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
