import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials, Server, ServerCredentials, type ServiceError, status } from "@grpc/grpc-js";
import { scripts } from "../lib/store/scripts.ts";
import {
  HealthCheckResponse_ServingStatus,
  type HealthServer,
  HealthService,
} from "../proto/generated/health.ts";
import { LightpeerClient, type LightpeerServer, LightpeerService } from "../proto/generated/lightpeer.ts";

/** All that a step needs from outside, as far as a founding and a join do; each says what it always says. */
export interface StandIns {
  /** Environment of the function that is to meet them. */
  readonly env: Readonly<Record<string, string>>;
  /** Sends an event of a new pod for each of these outcomes. Throws where one ends with another. */
  send(...outcomes: readonly string[]): Promise<void>;
}

const network = "rehearsal";
const TRIES = 10;
const RETRY_MS = 500;

export async function startStandIns(): Promise<StandIns> {
  const pods: PodObject[] = [];
  const stack: string[] = [];
  const server = createServer((asked, reply) => {
    void buffer(asked).then((body) => {
      const answer = asked.url === "/" ? redis(body, stack) : apiServer(asked, pods);
      reply.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${portOf(server.address())}`;
  const port = await freePort();
  return {
    env: {
      PORT: String(port),
      UPSTASH_REDIS_REST_URL: url,
      UPSTASH_REDIS_REST_TOKEN: "token",
      KUBECONFIG: kubeconfigTo(url),
      KLIGHT_SEED_PORT: "0",
      KLIGHT_SEED_ADDRESS: "127.0.0.1",
    },
    async send(...outcomes) {
      for (const outcome of outcomes) {
        pods.push(podOf(`peer-${pods.length}`, await startPeer()));
        let ended = await post(port, pods.at(-1));
        // On a machine that is busy a peer may look as if it hung: the event comes again, as from a Broker.
        for (let left = TRIES; ended.startsWith("held") && left > 0; left -= 1) {
          await sleep(RETRY_MS);
          ended = await post(port, pods.at(-1));
        }
        if (!ended.startsWith(outcome)) throw new Error(`an event ended with ${ended}, not with ${outcome}`);
      }
    },
  };
}

const portOf = (address: AddressInfo | string | null): number => (address as AddressInfo).port;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server.address());
  server.close();
  await once(server, "close");
  return port;
}

/** The scripts' replies. `stack`: the contacts that were pushed. */
function redis(body: Buffer, stack: string[]): object {
  const [, sha, ...words] = JSON.parse(body.toString()) as readonly string[];
  const change = words.at(-1) ?? "";
  const is = (name: keyof typeof scripts): boolean =>
    sha === createHash("sha1").update(scripts[name]).digest("hex");
  if (is("begin")) return { result: ["leased", [stack, "", "1", "0", [], [], [], "0"]] };
  if (is("mark")) return { result: ["marked"] };
  const { push } = JSON.parse(change) as { readonly push?: readonly [uid: string, contact: string] };
  if (push) stack.unshift(push[1]);
  return { result: ["committed"] };
}

function apiServer({ method, url = "" }: IncomingMessage, pods: readonly PodObject[]): object {
  const [, name] = /\/pods\/([^/?]+)$/u.exec(url) ?? [];
  // On a busy machine a step looks at a pod once more before it acts.
  if (method === "GET" && name !== undefined)
    return pods.find(({ metadata }) => metadata.name === name) ?? {};
  if (method === "GET") return { kind: "PodList", apiVersion: "v1", metadata: {}, items: pods };
  return method === "PATCH" ? (pods.at(-1) ?? {}) : { kind: "Event", url };
}

function kubeconfigTo(server: string): string {
  const folder = mkdtempSync(join(tmpdir(), "klight-build-"));
  process.once("exit", () => {
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, "kubeconfig");
  const clusters = [{ name: "a", cluster: { server, "insecure-skip-tls-verify": true } }];
  const [users, contexts] = [
    [{ name: "a", user: {} }],
    [{ name: "a", context: { cluster: "a", user: "a" } }],
  ];
  writeFileSync(file, JSON.stringify({ clusters, users, contexts, "current-context": "a" }));
  return file;
}

type PodObject = ReturnType<typeof podOf>;

const podOf = (name: string, port: number) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: "default",
    uid: `uid-${name}`,
    creationTimestamp: new Date().toISOString(),
    labels: { "klight.networkId": network },
    annotations: { "klight.dev/port": String(port) },
  },
  spec: { containers: [{ name: "lightpeer" }] },
  status: {
    phase: "Running",
    podIP: "127.0.0.1",
    podIPs: [{ ip: "127.0.0.1" }],
    conditions: [],
    containerStatuses: [
      {
        name: "lightpeer",
        containerID: `containerd://${name}`,
        ready: true,
        restartCount: 0,
        state: { running: { startedAt: new Date().toISOString() } },
      },
    ],
  },
});

/** A lightpeer with nothing stored, at a port of its own. */
async function startPeer(): Promise<number> {
  const server = new Server();
  let own = 0;
  const health: Pick<HealthServer, "check"> = {
    check: (_call, reply) => reply(null, { status: HealthCheckResponse_ServingStatus.SERVING }),
  };
  const lightpeer: Pick<LightpeerServer, "joinNetwork" | "connectNewPeer" | "query" | "notifyNewBlock"> = {
    joinNetwork: (call, reply) => {
      takeIn(call.request.Address, `127.0.0.1:${own}`).then(
        () => reply(null, { Result: "" }),
        ({ code, details }: ServiceError) => {
          const inner = `rpc error: code = ${code === status.PERMISSION_DENIED ? "PermissionDenied" : code} desc = ${details}`;
          reply({ code: status.UNKNOWN, details: `could not process block stream: ${inner}` });
        },
      );
    },
    connectNewPeer: (call) => call.end(),
    query: (call) => call.end(),
    notifyNewBlock: (_call, reply) => reply(null, { Response: "" }),
  };
  const { check } = HealthService;
  const { joinNetwork, connectNewPeer, query, notifyNewBlock } = LightpeerService;
  server.addService({ check }, health);
  server.addService({ joinNetwork, connectNewPeer, query, notifyNewBlock }, lightpeer);
  own = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
  return own;
}

/** Asks a contact, or klight's seed, to take this peer in. */
const takeIn = (contact: string, address: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const client = new LightpeerClient(contact, credentials.createInsecure());
    const call = client.connectNewPeer({ Peer: { Address: address, Name: address } });
    call
      .on("data", () => undefined)
      .once("end", resolve)
      .once("error", reject);
    call.once("close", () => client.close());
  });

/** An event that this pod was updated; resolves with how it ended. */
const post = (port: number, pod: unknown): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      "ce-specversion": "1.0",
      "ce-id": "1",
      "ce-source": "/build",
      "ce-type": "dev.knative.apiserver.resource.update",
    };
    const sent = request({ port, host: "127.0.0.1", method: "POST", path: "/", headers }, (reply) => {
      reply.resume().once("end", () => {
        resolve(String(reply.headers["klight-outcome"] ?? reply.statusCode));
      });
    });
    sent.once("error", reject).end(JSON.stringify(pod));
  });
