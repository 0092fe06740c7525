/** Where klight's function answers, and how it is asked. */
export interface Server {
  readonly url: string;
  readonly token?: string;
  readonly timeoutMs: number;
}

/** `refused`: klight answered, and not with what was asked for. `unreachable`: it did not answer as klight does. */
export type Told =
  | { readonly tag: "answer"; readonly body: unknown; readonly outcome?: string }
  | { readonly tag: "refused"; readonly status: number; readonly message: string; readonly outcome?: string }
  | { readonly tag: "unreachable"; readonly message: string };

/** One request to klight. Never throws. */
export async function ask(target: Server, path: string, method: "GET" | "POST" = "GET"): Promise<Told> {
  const url = new URL(path, target.url.endsWith("/") ? target.url : `${target.url}/`);
  try {
    const response = await fetch(url, {
      method,
      // A token must not follow a redirect to somewhere else.
      redirect: "error",
      headers: {
        accept: "application/json",
        ...(target.token !== undefined && { authorization: `Bearer ${target.token}` }),
      },
      signal: AbortSignal.timeout(target.timeoutMs),
    });
    return read(response, await response.text(), url);
  } catch (error) {
    return { tag: "unreachable", message: `${url.origin} cannot be reached: ${whyOf(error, target)}` };
  }
}

/** klight's own answers bear an outcome, are JSON, or tell a problem; anything else comes from somebody else. */
function read({ ok, status, headers }: Response, text: string, url: URL): Told {
  const outcome = headers.get("klight-outcome");
  const told = outcome === null ? {} : { outcome };
  const body = parsed(text);
  if (ok && (body !== undefined || outcome !== null)) return { tag: "answer", body, ...told };
  const message = detailOf(body) ?? outcome;
  if (!ok && message !== null) return { tag: "refused", status, message, ...told };
  return {
    tag: "unreachable",
    message: `${url.origin} answered ${status} as klight never does: is the URL right?`,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function detailOf(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { title, detail } = body as { readonly title?: unknown; readonly detail?: unknown };
  if (typeof detail !== "string") return undefined;
  return typeof title === "string" ? `${title}: ${detail}` : detail;
}

function whyOf(error: unknown, { timeoutMs }: Server): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${timeoutMs / 1_000} s`;
  const { cause } = error;
  // fetch says "fetch failed" and keeps the reason to itself.
  if (cause instanceof Error) return cause.message || String((cause as NodeJS.ErrnoException).code);
  return error.message;
}
