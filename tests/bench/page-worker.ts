import { parentPort, workerData } from "node:worker_threads";
import { manyNetworks } from "../harness/many-networks.ts";
import { servePage } from "../harness/page-server.ts";

/** Serves the page from a thread of its own, so that who drives the browser does not delay it. */
const { networks, size } = workerData as { readonly networks: number; readonly size: number };
const { url } = await servePage(await manyNetworks(networks, size));
parentPort?.postMessage(url);
