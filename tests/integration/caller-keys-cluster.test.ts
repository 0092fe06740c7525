import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { ServiceAccount } from "../../functions/auth/get-json.ts";
import { type Caller, createCallers, type IdentifyCaller } from "../../functions/auth/callers.ts";
import { bearer, issuing } from "../harness/checked-server.ts";
import { type Issuer, startIssuer } from "../harness/issuer.ts";

interface Pod extends ServiceAccount {
  /** What the kubelet does now and then. */
  renewToken(token: string): Promise<void>;
}

/** The files that a pod has of its service account. */
async function podBeside(t: TestContext, apiServer: Pick<Issuer, "url">, token = "pod-t0ken"): Promise<Pod> {
  const directory = await mkdtemp(join(tmpdir(), "klight-account-"));
  t.after(() => rm(directory, { recursive: true }));
  await copyFile(
    fileURLToPath(new URL("../fixtures/tls/certificate.pem", import.meta.url)),
    join(directory, "ca.crt"),
  );
  // As the kubelet writes it: without a line's end; some tools add one.
  const renewToken = (next: string): Promise<void> => writeFile(join(directory, "token"), `${next}\n`);
  await renewToken(token);
  return { apiServer: new URL(apiServer.url), directory, renewToken };
}

const callersOf = (issuer: string, account: ServiceAccount): IdentifyCaller =>
  createCallers({
    issuer,
    audience: "serving.knative.dev/service/klight/klight",
    subjects: ["*"],
    timeoutMs: 2_000,
    account,
  });

const paths = ({ asked }: Issuer): readonly string[] => asked.map(({ path }) => path);
const discovery = "/.well-known/openid-configuration";
const jwks = "/openid/v1/jwks";

const known: Caller = {
  tag: "known",
  subject: "system:serviceaccount:klight:klight-oidc-eventing.knative.dev-trigger",
};

describe("in a cluster, the keys", () => {
  const name = "https://kubernetes.default.svc.cluster.local";

  test("are read at the API server, with its CA and the pod's token, wherever it says to others that they are", async (t) => {
    const apiServer = await issuing(t, {
      tls: true,
      issuer: name,
      jwksUri: "https://203.0.113.7:6443/openid/v1/jwks",
      needs: () => "pod-t0ken",
    });
    const identify = callersOf(name, await podBeside(t, apiServer));
    assert.deepEqual(await identify(bearer(await apiServer.token())), known);
    assert.deepEqual(paths(apiServer), [discovery, jwks]);
  });

  test("are read with the token that the pod has then", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    let needed = "pod-t0ken";
    const apiServer = await issuing(t, { tls: true, issuer: name, needs: () => needed });
    const pod = await podBeside(t, apiServer);
    const identify = callersOf(name, pod);
    assert.deepEqual(await identify(bearer(await apiServer.token())), known);
    needed = "renewed";
    await pod.renewToken(needed);
    t.mock.timers.setTime(Date.now() + 601_000);
    assert.deepEqual(await identify(bearer(await apiServer.token())), known);
    assert.equal(apiServer.keyReads(), 2);
  });

  test("are not taken from a server whose certificate is not of the cluster's CA", async (t) => {
    const apiServer = await issuing(t, { tls: true, issuer: name });
    const pod = await podBeside(t, apiServer);
    // Another CA: the certificates that Node itself trusts.
    const { rootCertificates } = await import("node:tls");
    await writeFile(join(pod.directory, "ca.crt"), rootCertificates[0] ?? "");
    const identify = callersOf(name, pod);
    const caller = await identify(bearer(await apiServer.token()));
    assert.equal(caller.tag, "unsure");
    assert.match(caller.message, /self-signed certificate/u);
    assert.deepEqual(apiServer.asked, []);
  });

  for (const [title, needs] of [
    ["has another issuer", undefined],
    ["denies the pod", (): string => "another"],
  ] as const) {
    test(`are read at the issuer where the API server ${title}; the pod's token stays in the cluster`, async (t) => {
      const outside = await issuing(t);
      const apiServer = await issuing(t, { tls: true, issuer: name, ...(needs && { needs }) });
      const identify = callersOf(outside.url, await podBeside(t, apiServer));
      assert.deepEqual(await identify(bearer(await outside.token())), known);
      assert.deepEqual(paths(outside), [discovery, jwks]);
      assert.deepEqual(
        outside.asked.filter(({ authorization }) => authorization !== undefined),
        [],
      );
      assert.deepEqual(apiServer.asked, [{ path: discovery, authorization: "Bearer pod-t0ken" }]);
    });
  }

  test("that nobody gives are a failure that names both ways", async (t) => {
    const apiServer = await issuing(t, { tls: true, issuer: name, needs: () => "another" });
    const gone = await startIssuer();
    const token = await gone.token();
    await gone.close();
    const identify = callersOf(gone.url, await podBeside(t, apiServer));
    const caller = await identify(bearer(token));
    assert.equal(caller.tag, "unsure");
    assert.match(caller.message, /openid-configuration: 401 Unauthorized; http:.*ECONNREFUSED/u);
  });

  test("of an issuer over TLS are not looked for where there is none", async (t) => {
    const apiServer = await issuing(t, { tls: true, issuer: name });
    const issuer = `${apiServer.url}/id/7`;
    const elsewhere = await issuing(t);
    apiServer.trouble = (request, response) => {
      if (request.url !== `/id/7${discovery}`) return false;
      response.end(JSON.stringify({ issuer, jwks_uri: `${elsewhere.url}${jwks}` }));
      return true;
    };
    const identify = callersOf(issuer, await podBeside(t, apiServer));
    const caller = await identify(bearer(await elsewhere.token({ iss: issuer })));
    assert.equal(caller.tag, "unsure");
    assert.match(caller.message, /its keys are at http:/u);
    assert.deepEqual(elsewhere.asked, []);
  });

  test("are looked for at the issuer where there is no service account", async (t) => {
    const outside = await issuing(t);
    const identify = callersOf(outside.url, {
      apiServer: new URL("https://kubernetes.default.svc"),
      directory: "/nowhere",
    });
    assert.deepEqual(await identify(bearer(await outside.token())), known);
  });
});
