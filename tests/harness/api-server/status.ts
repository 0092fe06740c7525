/** An answer of the API server that is not the object asked for. */
export interface Refusal {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  /** Paths of the fields that are wrong, each with what is wrong there. */
  readonly causes?: readonly { readonly field: string; readonly message: string }[];
}

/** The object that stands for it on the wire. */
export const statusObject = ({ code, reason, message, causes }: Refusal): object => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  message,
  reason,
  ...(causes !== undefined && {
    details: { causes: causes.map((cause) => ({ reason: "FieldValueInvalid", ...cause })) },
  }),
  code,
});

export const notFound = (resource: string, name: string): Refusal => ({
  code: 404,
  reason: "NotFound",
  message: `${resource} "${name}" not found`,
});

export const badRequest = (message: string): Refusal => ({ code: 400, reason: "BadRequest", message });

export const conflict = (reason: "Conflict" | "AlreadyExists", message: string): Refusal => ({
  code: 409,
  reason,
  message,
});

export function invalid(kind: string, name: string, causes: NonNullable<Refusal["causes"]>): Refusal {
  const list = causes.map(({ field, message }) => `${field}: ${message}`).join(", ");
  return { code: 422, reason: "Invalid", message: `${kind} "${name}" is invalid: ${list}`, causes };
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
