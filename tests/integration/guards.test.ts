import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test, type TestContext } from "node:test";
import type { Log } from "../../lib/log.ts";
import { bearer, guardsFor } from "../harness/checked-server.ts";
import { type Issuer, startIssuer } from "../harness/issuer.ts";
import { ask, type Guards, type LogLine, serveShell } from "../harness/shell-server.ts";

describe("who may do what", () => {
  let issuer: Issuer;
  let token: string;
  before(async () => {
    issuer = await startIssuer();
    token = bearer(await issuer.token());
  });
  after(() => issuer.close());
  let guards: Readonly<Record<string, (log: Log) => Guards>>;
  beforeEach(() => {
    const read = { KLIGHT_READ_TOKEN: "read-t0ken" };
    const oidc = { KLIGHT_OIDC_ISSUER: issuer.url, KLIGHT_OIDC_AUDIENCE: issuer.audience };
    guards = {
      nothing: guardsFor({}),
      "a read token": guardsFor(read),
      OIDC: guardsFor(oidc),
      both: guardsFor({ ...read, ...oidc }),
    };
  });

  const served = async (
    t: TestContext,
    set: string,
  ): Promise<{ port: number; lines: readonly LogLine[] }> => {
    const shell = await serveShell(
      {
        reform: async (network) => ({
          name: "reformed",
          reason: "Reformed",
          message: `${network} was re-formed`,
          network,
          generation: 1,
        }),
        status: () =>
          Promise.resolve({ tag: "failed", message: "no Redis here", at: "2026-11-24T08:00:00.000Z" }),
        why: () => Promise.resolve({ tag: "failed", message: "no Redis here" }),
      },
      guards[set],
    );
    t.after(() => shell.close());
    return shell;
  };

  /** Whether a request gets past the guard: nothing, the read token, a caller's token. */
  type Row = readonly [set: string, nobody: boolean, reader: boolean, caller: boolean];
  const tables: Readonly<Record<string, readonly Row[]>> = {
    "POST /": [
      ["nothing", true, true, true],
      ["a read token", true, true, true],
      ["OIDC", false, false, true],
      ["both", false, false, true],
    ],
    "POST /networks/a/b/reform": [
      ["nothing", true, true, true],
      ["a read token", false, true, false],
      ["OIDC", false, false, true],
      ["both", false, false, true],
    ],
    "GET /networks": [
      ["nothing", true, true, true],
      ["a read token", false, true, false],
      ["OIDC", true, true, true],
      ["both", false, true, false],
    ],
  };
  const same: Readonly<Record<string, readonly string[]>> = {
    "POST /networks/a/b/reform": ["POST /networks/b/reform", "POST /Networks/a/b/REFORM/"],
    "GET /networks": (
      "HEAD /networks|GET /NETWORKS/|GET /why/a/b|GET /Why/a/b/|HEAD /why/a/b|GET /networks/x|" +
      "GET /|HEAD /|GET /page/live|GET /Page/Live/"
    ).split("|"),
  };
  for (const [first, rows] of Object.entries(tables)) {
    for (const request of [first, ...(same[first] ?? [])]) {
      const [method = "", path = ""] = request.split(" ");
      for (const [set, ...past] of rows) {
        test(`${request} with ${set} set`, async (t) => {
          const { port } = await served(t, set);
          const headers = [{}, { authorization: "Bearer read-t0ken" }, { authorization: token }];
          const answers = await Promise.all(
            headers.map((each) => ask(port, { method, path, headers: each })),
          );
          assert.deepEqual(
            answers.map(({ status }) => status !== 401),
            past,
          );
        });
      }
    }
  }

  for (const path of ["/health/liveness", "/health/readiness", "/page/page.css", "/page/live.js"]) {
    test(`${path} is open to everybody, whatever is set`, async (t) => {
      const { port } = await served(t, "both");
      assert.equal((await ask(port, { method: "GET", path })).status, 200);
    });
  }

  test("a re-form that is asked for leaves the name of who asked in the log", async (t) => {
    const { port, lines } = await served(t, "both");
    await ask(port, { path: "/networks/a/b/reform", headers: { authorization: token } });
    const line = lines.find(({ message }) => message === "caller known");
    assert.deepEqual(
      [line?.level, line?.["subject"], line?.["path"]],
      [
        "info",
        "system:serviceaccount:klight:klight-oidc-eventing.knative.dev-trigger",
        "/networks/a/b/reform",
      ],
    );
  });
});
