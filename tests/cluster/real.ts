import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "../harness/api-client.ts";
import { ApiObjects } from "../harness/api-objects.ts";
import type { Binaries } from "./binaries.ts";
import type { ControlPlane } from "./control-plane.ts";

/** The control plane that `run.ts` has started for the tests. */
export const plane = given(process.env["TEST_CLUSTER"]);

function given(json: string | undefined): ControlPlane & { readonly binaries: Binaries } {
  if (json === undefined) throw new Error("start these tests by: npm run test:cluster");
  return JSON.parse(json) as ReturnType<typeof given>;
}

/** May do everything. */
export const admin = new Api({ ...plane, token: plane.adminToken });

/** Objects of all kinds, as the tests make them. */
export const objects = new ApiObjects(admin, "tests");
/** With its account `default`, without which no pod can be made; no controller is here to do it. */
export async function makeNamespace(name: string): Promise<string> {
  await objects.applied({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  await objects.applied({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default", namespace: name },
  });
  return name;
}

interface TokenWishes {
  readonly audiences?: readonly string[];
  /** At least 600. */
  readonly seconds?: number;
}

/** A token of a service account, by TokenRequest; for the API server itself where no audience is named. */
export async function tokenOf(namespace: string, account: string, wishes: TokenWishes = {}): Promise<string> {
  const { status } = await admin.ask<{ readonly status: { readonly token: string } }>({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { audiences: wishes.audiences, expirationSeconds: wishes.seconds ?? 600 },
    },
  });
  return status.token;
}

/** The files that a pod has of its account, and a kubeconfig that leads by them to the API server. */
export interface Account {
  readonly directory: string;
  readonly kubeconfig: string;
  /** The same as programs in Go read it. */
  readonly kubeconfigOfGo: string;
  /** As the kubelet does before the token ends. */
  renew(token: string): Promise<void>;
  remove(): Promise<void>;
}

export async function accountFiles(
  token: string,
  {
    server = plane.url,
    namespace = "klight",
  }: { readonly server?: string; readonly namespace?: string } = {},
): Promise<Account> {
  const directory = await mkdtemp(join(tmpdir(), "klight-account-"));
  const file = (name: string): string => join(directory, name);
  await writeFile(file("ca.crt"), plane.ca);
  await writeFile(file("token"), token);
  await writeFile(file("namespace"), namespace);
  // What client-node makes of the files in a pod.
  const user = { "auth-provider": { name: "tokenFile", config: { tokenFile: file("token") } } };
  const cluster = server.startsWith("https:")
    ? { server, "certificate-authority": file("ca.crt") }
    : { server, "insecure-skip-tls-verify": true };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "real", cluster }],
    users: [{ name: "klight", user }],
    contexts: [{ name: "real", context: { cluster: "real", user: "klight", namespace } }],
    "current-context": "real",
  };
  await writeFile(file("kubeconfig"), JSON.stringify(config));
  const toGo = { ...config, users: [{ name: "klight", user: { tokenFile: file("token") } }] };
  await writeFile(file("kubeconfig-go"), JSON.stringify(toGo));
  return {
    directory,
    kubeconfig: file("kubeconfig"),
    kubeconfigOfGo: file("kubeconfig-go"),
    renew: (next) => writeFile(file("token"), next),
    remove: () => rm(directory, { recursive: true }),
  };
}

/** A name that no other test has. */
export const unique = (prefix: string): string => `${prefix}-${randomUUID().slice(0, 8)}`;
