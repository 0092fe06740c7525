/**
 * klight on a cluster with Knative, from installing to cleaning up: `npm run e2e -- --lightpeer IMAGE --function IMAGE`.
 * Everything is in one new namespace, with rights there alone, and goes with it. A table at the end; exits with 1 where
 * something failed. `--help` tells the options.
 */
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { KubeConfig } from "@kubernetes/client-node";
import { Api } from "../harness/api-client.ts";
import { ApiObjects } from "../harness/api-objects.ts";
import { cleanUp, type Run, steps } from "./steps.ts";
import { printTable, type Row } from "./table.ts";

const help = `npm run e2e -- --lightpeer IMAGE --function IMAGE [options]

Tries klight on the cluster of a kubeconfig context: installs it into a new namespace of its own, starts
pods with lightpeers, sees them joined, klight scaled to zero and back, a rolling update and a sweep, and
deletes the namespace. It needs Knative Serving and Eventing, and takes about 10 minutes.

  --lightpeer IMAGE   image of the lightpeer, as a pod of knative/examples/workload runs it
  --function IMAGE    image of the function, as func build --push has made it
  --application IMAGE what runs beside the lightpeer (default registry.k8s.io/pause:3.10)
  --context NAME      context of the kubeconfig (default: the current one)
  --namespace NAME    the namespace that is made (default: klight-e2e- and a time); it must not be there
  --yes               do not ask whether this is the right cluster
  --keep              leave the namespace, to look at what failed
`;

const { values } = parseArgs({
  options: {
    lightpeer: { type: "string" },
    function: { type: "string" },
    application: { type: "string", default: "registry.k8s.io/pause:3.10" },
    context: { type: "string" },
    namespace: { type: "string", default: `klight-e2e-${Math.floor(Date.now() / 1000)}` },
    yes: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** Ends the process with words for whoever called it. */
function refuse(words: string): never {
  console.error(words);
  process.exit(2);
}

function openConfig(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromDefault();
  if (values.context !== undefined) {
    if (config.getContextObject(values.context) === null)
      refuse(
        `the kubeconfig has no context ${values.context}, but ${config
          .getContexts()
          .map(({ name }) => name)
          .join(", ")}`,
      );
    config.setCurrentContext(values.context);
  }
  return config;
}

/** What is asked for is made on somebody's cluster: nothing without their word. */
async function confirm(context: string, server: string): Promise<void> {
  console.log(`klight is tried in the new namespace ${values.namespace} of ${context} (${server})`);
  if (values.yes) return;
  if (!process.stdin.isTTY) refuse("nobody is here to ask: say --yes if this is the right cluster");
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const said = await lines.question(`type ${context} to go on: `);
  lines.close();
  if (said.trim() !== context) refuse("nothing was done");
}

async function run(it: Run): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let broken: string | undefined;
  for (const { title, needs = () => undefined, run: act } of [...steps, ...(values.keep ? [] : [cleanUp])]) {
    const lacks = broken !== undefined && title !== cleanUp.title ? `after "${broken}" failed` : needs(it);
    const begun = performance.now();
    const row =
      lacks === undefined ? await tried(() => act(it)) : ({ result: "not tried", says: lacks } as const);
    rows.push({ title, seconds: (performance.now() - begun) / 1000, ...row });
    console.log(`${row.result.padEnd(9)}  ${title}: ${row.says}`);
    if (row.result === "FAILED") broken ??= title;
  }
  return rows;
}

async function tried(act: () => Promise<string>): Promise<Pick<Row, "result" | "says">> {
  try {
    return { result: "ok", says: await act() };
  } catch (error) {
    return { result: "FAILED", says: error instanceof Error ? error.message : String(error) };
  }
}

if (values.help) {
  console.log(help);
  process.exit(0);
}
const { lightpeer, function: image, application, namespace } = values;
if (lightpeer === undefined || image === undefined)
  refuse(`--${lightpeer === undefined ? "lightpeer" : "function"} IMAGE is missing\n\n${help}`);
const config = openConfig();
const server = config.getCurrentCluster()?.server;
if (server === undefined) refuse("the kubeconfig names no cluster");
await confirm(config.getCurrentContext(), server);
const api = new Api({ url: server, identify: (options) => config.applyToHTTPSOptions(options) });
const rows = await run({
  api,
  objects: new ApiObjects(api, "klight-e2e"),
  namespace,
  images: { lightpeer, function: image, application },
  nodes: 0,
  isMade: false,
});
printTable(rows);
process.exit(rows.some(({ result }) => result === "FAILED") ? 1 : 0);
