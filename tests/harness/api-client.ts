import { request as requestHttp, Agent as HttpAgent } from "node:http";
import { request as requestHttps, Agent as HttpsAgent, type RequestOptions } from "node:https";
import { text } from "node:stream/consumers";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  /** A text as it is, all else as JSON. */
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** JSON where it is that, else the text. */
  readonly body: unknown;
}

/** An object as the API server has it. */
export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** An API server, and who asks there: a token, or what puts certificates and tokens into each request. */
export interface ApiOptions {
  readonly url: string;
  /** The certificate that its own is signed with, PEM. */
  readonly ca?: string;
  readonly token?: string;
  readonly identify?: (options: RequestOptions) => Promise<void>;
}

/** Plain requests to an API server, real or double; nothing is added that is not asked for. */
export class Api {
  readonly #url: URL;
  readonly #token: string | undefined;
  readonly #identify: NonNullable<ApiOptions["identify"]>;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor({ url, ca, token, identify = () => Promise.resolve() }: ApiOptions) {
    this.#url = new URL(url);
    this.#token = token;
    this.#identify = identify;
    this.#agent =
      this.#url.protocol === "https:"
        ? new HttpsAgent({ keepAlive: true, ca })
        : new HttpAgent({ keepAlive: true });
  }

  async send({
    method,
    path,
    body,
    contentType = "application/json",
    headers = {},
  }: ApiRequest): Promise<ApiAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer>();
    const send = this.#url.protocol === "https:" ? requestHttps : requestHttp;
    const options: RequestOptions = {
      method,
      agent: this.#agent,
      headers: {
        accept: "application/json",
        ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
        ...(body !== undefined && { "content-type": contentType }),
        ...headers,
      },
    };
    await this.#identify(options);
    const sent = send(new URL(path, this.#url), options, (response) => {
      text(response).then((said) => {
        const { statusCode: status = 0, headers: got } = response;
        resolve({ status, contentType: got["content-type"] ?? "", headers: got, body: parsed(said) });
      }, reject);
    });
    sent.on("error", reject);
    sent.end(typeof body === "string" || body === undefined ? body : JSON.stringify(body));
    return promise;
  }

  /** The object of an answer 2xx; anything else is thrown. */
  async ask<Body = ApiObject>(request: ApiRequest): Promise<Body> {
    const { status, body } = await this.send(request);
    if (status < 200 || status > 299) {
      throw new Error(`${request.method} ${request.path}: ${status} ${JSON.stringify(body)}`);
    }
    return body as Body;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parsed(said: string): unknown {
  try {
    return JSON.parse(said) as unknown;
  } catch {
    return said;
  }
}
