import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { guardsOf } from "../../functions/auth/guards.ts";
import { readConfig } from "../../lib/config.ts";
import type { Log } from "../../lib/log.ts";
import { type Issuer, startIssuer } from "./issuer.ts";
import { runningPod } from "./pods.ts";
import { type Answer, ask, type Guards, type LogLine, serveShell } from "./shell-server.ts";

/** The guards that a configuration makes. */
export const guardsFor =
  (env: Readonly<Record<string, string>>) =>
  (log: Log): Guards => {
    const reading = readConfig({ KLIGHT_STORE: "memory", KUBECONFIG: "no-such-file", ...env });
    assert.ok(reading.tag === "config", JSON.stringify(reading));
    return guardsOf(reading.config, log);
  };

export interface Checked {
  readonly url: string;
  /** Posts an event with this `Authorization`. */
  readonly post: (authorization?: string) => Promise<Answer>;
  /** Names of the pods whose events went through. */
  readonly taken: readonly string[];
  readonly lines: readonly LogLine[];
}

/** The function with callers checked against this issuer. */
export async function serveChecked(
  t: TestContext,
  issuer: Pick<Issuer, "url" | "audience">,
  env: Readonly<Record<string, string>> = {},
): Promise<Checked> {
  const taken: string[] = [];
  const served = await serveShell(
    {
      podChanged: ({ name }) => {
        taken.push(name.name);
        return Promise.resolve({ name: "member", reason: "AlreadyMember", message: "it is in" });
      },
    },
    guardsFor({ KLIGHT_OIDC_ISSUER: issuer.url, KLIGHT_OIDC_AUDIENCE: issuer.audience, ...env }),
  );
  t.after(() => served.close());
  const event = {
    specversion: "1.0",
    id: "1",
    source: "https://10.96.0.1:443",
    type: "dev.knative.apiserver.resource.add",
    data: runningPod({ metadata: { name: "peer-a" } }),
  };
  return {
    url: `http://127.0.0.1:${served.port}/`,
    taken,
    lines: served.lines,
    post: (authorization) =>
      ask(served.port, {
        headers: {
          "content-type": "application/cloudevents+json",
          ...(authorization !== undefined && { authorization }),
        },
        body: JSON.stringify(event),
      }),
  };
}

export const bearer = (token: string): string => `Bearer ${token}`;
/** The reason, of an answer that is a problem. */
export const titleOf = ({ body, headers }: Answer): string => {
  assert.equal(headers["content-type"], "application/problem+json");
  return (JSON.parse(body) as { readonly title: string }).title;
};
export const detailOf = ({ body }: Answer): string =>
  (JSON.parse(body) as { readonly detail: string }).detail;

/** An issuer that is closed when the test ends. */
export const issuing = async (
  t: TestContext,
  options: Parameters<typeof startIssuer>[0] = {},
): Promise<Issuer> => {
  const issuer = await startIssuer(options);
  t.after(() => issuer.close());
  return issuer;
};
