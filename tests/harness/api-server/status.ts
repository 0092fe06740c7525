import { gzipSync } from "node:zlib";
import type { Response } from "express";

/** An answer of the API server that is not the object asked for. */
export interface Refusal {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  /** What it is about, as far as it is about something. */
  readonly of?: { readonly kind: string; readonly name?: string };
  /** A token to go on with all the same. */
  readonly next?: string;
  /** Paths of the fields that are wrong, each with what is wrong there. */
  readonly causes?: readonly { readonly field: string; readonly message: string }[];
}

/** What larger answers are sent packed from, bytes, where the client takes that. */
const PACKED_FROM = 128 * 1024;

/** Writes an answer as an API server does. */
export function reply(response: Response, code: number, body: object): void {
  const text = Buffer.from(JSON.stringify(body));
  const isPacked = text.length > PACKED_FROM && response.req.acceptsEncodings("gzip") === "gzip";
  response
    .writeHead(code, { "content-type": "application/json", ...(isPacked && { "content-encoding": "gzip" }) })
    .end(isPacked ? gzipSync(text, { level: 1 }) : text);
}

export const refuse = (response: Response, refusal: Refusal): void => {
  reply(response, refusal.code, statusObject(refusal));
};

/** The object that stands for it on the wire. */
const statusObject = ({ code, reason, message, of, next, causes }: Refusal): object => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: { ...(next !== undefined && { continue: next }) },
  status: "Failure",
  message,
  reason,
  ...((of ?? causes) !== undefined && {
    details: {
      ...of,
      ...(causes && { causes: causes.map((cause) => ({ reason: "FieldValueInvalid", ...cause })) }),
    },
  }),
  code,
});

export const notFound = (resource: string, name: string): Refusal => ({
  code: 404,
  reason: "NotFound",
  message: `${resource} "${name}" not found`,
  of: { kind: resource, name },
});

/** An object that names another namespace than the path that it is sent to. */
export const ELSEWHERE =
  "the namespace of the provided object does not match the namespace sent on the request";

export const badRequest = (message: string): Refusal => ({ code: 400, reason: "BadRequest", message });

export const conflict = (reason: "Conflict" | "AlreadyExists", message: string): Refusal => ({
  code: 409,
  reason,
  message,
});

export function invalid(kind: string, name: string, causes: NonNullable<Refusal["causes"]>): Refusal {
  const list = causes.map(({ field, message }) => `${field}: ${message}`).join(", ");
  const message = `${kind} "${name}" is invalid: ${list}`;
  return { code: 422, reason: "Invalid", message, of: { kind, name }, causes };
}

/** Thrown by the double's own parts and answered as a Status by its server. */
export class RefusedError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.name = "RefusedError";
    this.refusal = refusal;
  }
}
