import { isoTime } from "../status/status.ts";
import { podKey } from "../status/trouble.ts";
import { checkCluster, checkInWords } from "./check/check.ts";
import { type Named, type Options, podMeant } from "./command-line.ts";
import { readPodEvents } from "./events.ts";
import { type CliAnswer, CommandFailed, EXIT } from "./answer.ts";
import { type Kube, openKube } from "./kube.ts";
import { networksOf, readOnePod, readPods, readPodsAt, reportOf } from "./pods.ts";
import { reformNetwork } from "./reform.ts";
import { lines, networksInWords, noNetworkInWords, podsInWords, whyInWords } from "./words.ts";

const DEFAULT_HOME = "klight";

function kubeFrom({ kubeconfig, context, timeout }: Options): Kube {
  try {
    return openKube({
      timeoutMs: timeout * 1_000,
      ...(kubeconfig !== undefined && { kubeconfig }),
      ...(context !== undefined && { context }),
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CommandFailed(EXIT.unknown, `the kubeconfig cannot be used: ${message}`);
  }
}

/** The commands, answered from what the cluster itself tells. Each throws CommandFailed where it cannot be answered. */
export const actionsAtCluster = {
  why: async (options: Options, named: Named): Promise<CliAnswer> => {
    const kube = kubeFrom(options);
    const name = podMeant(named, options, kube.namespace);
    const [pod, events] = await Promise.all([readOnePod(kube, name), readPodEvents(kube, name)]);
    if (pod === undefined) throw new CommandFailed(EXIT.notWell, `there is no pod ${podKey(name)}`);
    const now = Date.now();
    const report = reportOf(pod, now, await readPodsAt(kube, pod));
    return {
      words: whyInWords(report, events, now),
      json: { at: isoTime(now), ...report, events },
      code: report.verdict === "in" && !report.needsHelp ? EXIT.well : EXIT.notWell,
    };
  },
  networks: async (options: Options): Promise<CliAnswer> => {
    const kube = kubeFrom(options);
    const namespace = options.allNamespaces ? undefined : (options.namespace ?? kube.namespace);
    const now = Date.now();
    const networks = networksOf(await readPods(kube, namespace), now);
    const inWords = options.output === "wide" ? podsInWords : networksInWords;
    const words = networks.length === 0 ? noNetworkInWords(namespace) : inWords(networks, now);
    const needsHelp = networks.some(({ level }) => level === "help");
    return { words, json: { at: isoTime(now), networks }, code: needsHelp ? EXIT.notWell : EXIT.well };
  },
  reform: async (options: Options, { namespace, name }: Named): Promise<CliAnswer> => {
    const kube = kubeFrom(options);
    const home = namespace ?? options.namespace ?? kube.namespace;
    const answer = await reformNetwork(kube, { namespace: home, id: name }, options.timeout * 1_000);
    const { network, reason, message, done } = answer;
    return {
      words: lines(`${network}: ${reason}: ${message}`),
      json: answer,
      code: done ? EXIT.well : EXIT.notWell,
    };
  },
  check: async (options: Options): Promise<CliAnswer> => {
    const results = await checkCluster(kubeFrom(options), options.namespace ?? DEFAULT_HOME);
    const states = new Set(results.map(({ state }) => state));
    const code = states.has("unknown") ? EXIT.unknown : EXIT.well;
    return {
      words: checkInWords(results),
      json: { at: isoTime(Date.now()), results },
      code: states.has("wrong") ? EXIT.notWell : code,
    };
  },
};
