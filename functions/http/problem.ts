/** What is sent back: a Broker takes nothing but an empty body or a CloudEvent with a 2xx status. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An error that a person can read (RFC 9457). `problems`: each of several, on its own. */
export const problem = (
  status: number,
  { title, detail, problems }: { title: string; detail: string; problems?: readonly string[] },
  headers: Readonly<Record<string, string>> = {},
): Reply => ({
  status,
  headers: { ...headers, "content-type": "application/problem+json" },
  body: JSON.stringify({ type: "about:blank", title, status, detail, ...(problems && { problems }) }),
});

/** `NAME; reason="..."`, a structured field (RFC 9651): printable ASCII, quotes and backslashes escaped. */
export function outcomeHeader(name: string, reason: string): Record<string, string> {
  const text = reason
    .slice(0, 400)
    .replaceAll(/[^\x20-\x7e]/gu, "?")
    .replaceAll(/["\\]/gu, String.raw`\$&`);
  return { "klight-outcome": `${name}; reason="${text}"` };
}

export const json = (value: unknown): Reply => ({
  status: 200,
  headers: {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  },
  body: JSON.stringify(value),
});
