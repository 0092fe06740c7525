/** The gRPC codes that lightpeers and their callers get to see. */
export type Code =
  | "CANCELLED"
  | "UNKNOWN"
  | "DEADLINE_EXCEEDED"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE";

/** `unsent`: the connection was never made, so the other side cannot have seen the call. */
export interface Failure {
  readonly tag: "failed";
  readonly code: Code;
  readonly message: string;
  readonly unsent?: true;
}

/** How a call ended. What a call streams is handed over while it runs. */
export type Reply = { readonly tag: "ok" } | Failure;

export const ok: Reply = { tag: "ok" };

export const failed = (code: Code, message: string): Failure => ({ tag: "failed", code, message });

/** The same failure of a call that never left its caller. */
export const unsent = (failure: Failure): Failure => ({ ...failure, unsent: true });

const goNames: Record<Code, string> = {
  CANCELLED: "Canceled",
  UNKNOWN: "Unknown",
  DEADLINE_EXCEEDED: "DeadlineExceeded",
  PERMISSION_DENIED: "PermissionDenied",
  RESOURCE_EXHAUSTED: "ResourceExhausted",
  UNIMPLEMENTED: "Unimplemented",
  INTERNAL: "Internal",
  UNAVAILABLE: "Unavailable",
};

/** A failed call as gRPC for Go prints it; lightpeers put this into their own messages. */
export const goText = ({ code, message }: Failure): string =>
  `rpc error: code = ${goNames[code]} desc = ${message}`;
