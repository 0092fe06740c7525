import type { TestContext } from "node:test";
import { type ApiServer, startApiServer } from "./api-server/api-server.ts";
import { run } from "./api-server/kubelet.ts";
import type { PodObject } from "./api-server/objects.ts";
import { type FunctionProcess, startFunction } from "./function-process.ts";

/** One built function with the store in its memory, and an API server of its own. */
export interface LoneFunction extends FunctionProcess {
  readonly port: number;
  readonly api: ApiServer;
  /** The pod `default/peer-a` of the network `net-a`, made at the first call: it runs, its peer at this port. */
  readonly pod: (peerPort: number) => PodObject;
}

/** Starts it with this environment besides what it needs; it ends with the test, and its API server, too. */
export async function startLoneFunction(
  t: TestContext,
  env: Readonly<Record<string, string>> = {},
  file?: string,
): Promise<LoneFunction> {
  const api = await startApiServer();
  t.after(() => api.close());
  const started = startFunction(
    {
      PORT: "0",
      KLIGHT_STORE: "memory",
      KLIGHT_SEED_PORT: "0",
      KLIGHT_SEED_ADDRESS: "127.0.0.1",
      KUBECONFIG: api.kubeconfig,
      ...env,
    },
    file,
  );
  t.after(async () => {
    started.process.kill("SIGKILL");
    await started.ended;
  });
  const { port } = await started.logged("listening");
  return {
    ...started,
    port: Number(port),
    api,
    pod: (peerPort) => api.pods.get({ namespace: "default", name: "peer-a" }) ?? makePod(api, peerPort),
  };
}

function makePod({ pods }: ApiServer, peerPort: number): PodObject {
  const name = { namespace: "default", name: "peer-a" };
  pods.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...name,
      labels: { "klight.networkId": "net-a" },
      annotations: { "klight.dev/port": String(peerPort) },
    },
    spec: { containers: [{ name: "lightpeer", image: "lightpeer" }] },
  });
  return run(pods, name, "127.0.0.1");
}
