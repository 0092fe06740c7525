import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../harness/free-port.ts";
import { killAtExit, tied } from "../harness/tied-process.ts";
import type { Binaries } from "./binaries.ts";
import { Api } from "../harness/api-client.ts";

/** Where a control plane is, and who may do everything there: what the tests are given, as JSON. */
export interface ControlPlane {
  readonly url: string;
  /** The certificate that the API server's own is signed with, PEM. */
  readonly ca: string;
  /** Of a user in `system:masters`. */
  readonly adminToken: string;
  /** What service account tokens have as `iss`. */
  readonly issuer: string;
  /** One JSON object a line, written before a request is answered. */
  readonly auditLog: string;
  readonly etcdUrl: string;
}

/** How long etcd and kube-apiserver may take to be ready, ms; on a busy machine some 20 s. */
const START_MS = 120_000;

/** etcd and kube-apiserver of this machine, on free ports, with RBAC; `stop` leaves nothing behind. */
export async function startControlPlane(
  binaries: Binaries,
): Promise<ControlPlane & { readonly stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "klight-cluster-"));
  const children: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) await end(child);
    await rm(folder, { recursive: true });
  };
  try {
    const [client, peer, secure] = [await freePort(), await freePort(), await freePort()];
    const etcdUrl = `http://127.0.0.1:${client}`;
    children.push(start(binaries.etcd, etcdFlags(folder, etcdUrl, `http://127.0.0.1:${peer}`), folder));
    const adminToken = randomBytes(16).toString("hex");
    children.push(
      start(binaries.apiServer, await apiServerFlags(folder, { etcdUrl, secure, adminToken }), folder),
    );
    const url = `https://127.0.0.1:${secure}`;
    const ca = await whenThere(join(folder, "apiserver.crt"), children);
    const plane = { url, ca, adminToken, issuer: ISSUER, auditLog: join(folder, "audit.log"), etcdUrl };
    await whenReady(new Api({ ...plane, token: adminToken }), children);
    return { ...plane, stop };
  } catch (error) {
    const said = await readFile(join(folder, "kube-apiserver.log"), "utf8").catch(() => "");
    await stop();
    throw new Error(`the control plane did not start: ${said.split("\n").slice(-15).join("\n")}`, {
      cause: error,
    });
  }
}

/** As kubeadm sets it: no address that anything outside the cluster could reach. */
const ISSUER = "https://kubernetes.default.svc.cluster.local";

const flags = (values: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(values).map(([name, value]) => `--${name}=${value}`);

const etcdFlags = (folder: string, client: string, peer: string): readonly string[] =>
  flags({
    name: "one",
    "data-dir": join(folder, "etcd"),
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `one=${peer}`,
  });

/** Reads are noted by their caller and path, writes too; bodies are not needed. */
const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [{ level: "Metadata" }],
};

async function apiServerFlags(
  folder: string,
  { etcdUrl, secure, adminToken }: { etcdUrl: string; secure: number; adminToken: string },
): Promise<readonly string[]> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  return flags({
    "etcd-servers": etcdUrl,
    "bind-address": "127.0.0.1",
    "advertise-address": "127.0.0.1",
    "secure-port": String(secure),
    // It makes its own certificate there.
    "cert-dir": folder,
    "service-cluster-ip-range": "10.96.0.0/16",
    // Nothing has to find it by its Service, and a loopback address is no endpoint.
    "endpoint-reconciler-type": "none",
    "authorization-mode": "Node,RBAC",
    "token-auth-file": await file("tokens.csv", `${adminToken},admin,admin,system:masters\n`),
    // Else pages of a list may come from memory after etcd has forgotten them, now and then.
    "feature-gates": "ListFromCacheSnapshot=false",
    "service-account-issuer": ISSUER,
    "service-account-signing-key-file": await file("sa.key", privateKey),
    "service-account-key-file": await file("sa.pub", publicKey),
    "audit-policy-file": await file("audit-policy.json", JSON.stringify(auditPolicy)),
    "audit-log-path": join(folder, "audit.log"),
    "audit-log-mode": "blocking-strict",
  });
}

function start(command: string, args: readonly string[], folder: string): ChildProcess {
  const name = command.includes("etcd") ? "etcd" : "kube-apiserver";
  const [file, words] = tied(command, args);
  const child = spawn(file, words, { stdio: ["ignore", "pipe", "pipe"] });
  killAtExit(child);
  const log = createWriteStream(join(folder, `${name}.log`));
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  return child;
}

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function end(child: ChildProcess): Promise<void> {
  if (isOver(child)) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

/** Asks again until it is so; rejects where a process has ended or the time is over. */
async function until<Found>(
  ask: () => Promise<Found | undefined>,
  children: readonly ChildProcess[],
): Promise<Found> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const found = await ask().catch(() => undefined);
    if (found !== undefined) return found;
    if (children.some(isOver)) throw new Error("a process has ended");
    if (performance.now() > deadline) throw new Error(`not ready after ${START_MS} ms`);
    await sleep(100);
  }
}

const whenThere = (file: string, children: readonly ChildProcess[]): Promise<string> =>
  until(async () => (await readFile(file, "utf8")) || undefined, children);

const whenReady = (api: Api, children: readonly ChildProcess[]): Promise<true> =>
  until(
    async () => ((await api.send({ method: "GET", path: "/readyz" })).status === 200 ? true : undefined),
    children,
  );
