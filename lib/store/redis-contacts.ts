import { createHash, randomUUID } from "node:crypto";
import { persevere, type RedisCommands, RedisRefusal } from "./commands.ts";
import type { Change, Contacts, NetworkView, StepPod, StoreFailure } from "./contacts.ts";
import { decode } from "./decode.ts";
import { keyPattern, keysFor, networkOfKey, placeKey } from "./keys.ts";
import { scripts, type ScriptName } from "./scripts.ts";

/** Networks that one call of a script reads: far below the 4,000 words that some servers take in one command. */
const NETWORKS_A_CALL = 100;
/** Keys that one SCAN looks at, and how many of them there may be: one that goes on is of no database that klight is in. */
const KEYS_A_SCAN = 10_000;
const SCANS = 1_000;
/** How long the place of a sweep is kept, in s: by then everything has been swept, or nobody sweeps. */
const PLACE_S = 86_400;

/** A change as commit.lua takes it: contacts as the very strings that the stack holds. */
const encode = ({ stack, drop, push, log, ...rest }: Change): string =>
  JSON.stringify({
    ...rest,
    stack: stack?.map((contact) => JSON.stringify(contact)),
    drop: drop?.map(({ uid, incarnation }) => [uid, incarnation]),
    push: push && [push.uid, JSON.stringify(push)],
    log: log && JSON.stringify(log),
  });

const ms = (duration: number): string => String(Math.ceil(duration));

const shaOf = new Map<ScriptName, string>();
const sha1 = (script: ScriptName): string => {
  const known = shaOf.get(script) ?? createHash("sha1").update(scripts[script]).digest("hex");
  shaOf.set(script, known);
  return known;
};

/** EVALSHA, and EVAL where Redis does not know the script yet: one command in the normal case. */
const run = async (
  commands: RedisCommands,
  script: ScriptName,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> => {
  const rest = [String(keys.length), ...keys, ...args];
  try {
    return await persevere(commands, ["EVALSHA", sha1(script), ...rest]);
  } catch (error) {
    if (!(error instanceof RedisRefusal && error.message.includes("NOSCRIPT"))) throw error;
    return persevere(commands, ["EVAL", scripts[script], ...rest]);
  }
};

const scanNetworks = async (commands: RedisCommands, prefix: string): ReturnType<Contacts["networks"]> => {
  const networks = new Set<string>();
  const words = ["MATCH", keyPattern(prefix), "COUNT", String(KEYS_A_SCAN)];
  let cursor = "0";
  for (let round = 0; round < SCANS; round++) {
    const page = decode.page(await persevere(commands, ["SCAN", cursor, ...words]));
    if (page.tag === "failed") return page;
    for (const key of page.keys) {
      const network = networkOfKey(prefix, key);
      if (network !== undefined) networks.add(network);
    }
    cursor = page.cursor;
    if (cursor === "0") return { tag: "networks", networks: [...networks].sort() };
  }
  return { tag: "failed", message: `Redis: SCAN did not end after ${SCANS} rounds` };
};

/** Some networks by one command; in a cluster, where their keys are not together, by one for each. */
const readSome = async (
  commands: RedisCommands,
  prefix: string,
  networks: readonly string[],
): ReturnType<Contacts["read"]> => {
  const keys = networks.flatMap((network) => keysFor({ prefix, network }));
  try {
    const read = decode.views(await run(commands, "read", keys, []));
    if (read.tag === "failed") return read;
    if (read.views.length !== networks.length) {
      return {
        tag: "failed",
        message: `Redis told of ${read.views.length} networks, not of ${networks.length}`,
      };
    }
    const views: NetworkView[] = [];
    for (const [at, view] of read.views.entries()) views.push({ network: networks[at] ?? "", ...view });
    return { tag: "read", views };
  } catch (error) {
    if (!isOfCluster(error)) throw error;
    return readNetworks(commands, prefix, networks, 1);
  }
};

/** Keys of several networks were used together in a cluster. */
const isOfCluster = (error: unknown): boolean =>
  error instanceof RedisRefusal && error.message.includes("CROSSSLOT");

const readNetworks = async (
  commands: RedisCommands,
  prefix: string,
  networks: readonly string[],
  atOnce: number,
): ReturnType<Contacts["read"]> => {
  const views: NetworkView[] = [];
  for (let from = 0; from < networks.length; from += atOnce) {
    const read = await readSome(commands, prefix, networks.slice(from, from + atOnce));
    if (read.tag === "failed") return read;
    views.push(...read.views);
  }
  return { tag: "read", views };
};

/** The network that a script works on, and the call that its receipt is for. */
interface ScriptSubject {
  readonly network: string;
  readonly receipt: string;
}

type Runner = (script: ScriptName, on: ScriptSubject, args: readonly string[]) => Promise<unknown>;

/** Runs scripts; in a cluster with other keys, once it has shown that it is one. */
const runnerOf = (commands: RedisCommands, prefix: string): Runner => {
  let isCluster = false;
  const runOn: Runner = async (script, on, args) => {
    try {
      return await run(commands, script, keysFor({ prefix, ...on, isCluster }), args);
    } catch (error) {
      if (isCluster || !isOfCluster(error)) throw error;
      isCluster = true;
      return runOn(script, on, args);
    }
  };
  return runOn;
};

/** The pod that a step is for, as begin.lua takes it. */
const wordsOf = (pod: StepPod | undefined): readonly string[] => {
  if (pod === undefined) return ["", "", "", ""];
  const { incarnation = "", address = "" } = (pod.how === "joins" && pod.life) || {};
  return [pod.uid, pod.how, incarnation, address];
};

/** The stack in a Redis, by whatever way there is to it. `prefix`: before every key, so that klight can share a database. */
export const createContactsIn = (commands: RedisCommands, prefix: string): Contacts => {
  const orFailure = async <T>(call: Promise<T>): Promise<T | StoreFailure> => {
    try {
      return await call;
    } catch (error) {
      return { tag: "failed", message: commands.explain(error) };
    }
  };
  const runOn = runnerOf(commands, prefix);
  const call = async <T>(
    script: ScriptName,
    on: ScriptSubject,
    args: readonly string[],
    narrow: (reply: unknown) => T,
  ): Promise<T | StoreFailure> => orFailure(runOn(script, on, [on.network, ...args]).then(narrow));

  return {
    begin: (network, token, leaseMs, pod) =>
      call("begin", { network, receipt: token }, [token, ms(leaseMs), ...wordsOf(pod)], decode.begun),
    mark: (network, token, leaseMs, intent) =>
      call("mark", { network, receipt: token }, [token, ms(leaseMs), JSON.stringify(intent)], decode.marked),
    commit: (network, token, change) =>
      call("commit", { network, receipt: token }, [token, encode(change)], decode.committed),
    leave: (network, uid, quietMs) =>
      // It has no token; the receipt's name makes a call that is sent again the same as the first.
      call("leave", { network, receipt: randomUUID() }, [uid, ms(quietMs)], decode.departed),
    networks: () => orFailure(scanNetworks(commands, prefix)),
    read: (networks) => orFailure(readNetworks(commands, prefix, networks, NETWORKS_A_CALL)),
    sweepPlace: () =>
      orFailure(persevere(commands, ["GETEX", placeKey(prefix), "EX", String(PLACE_S)]).then(decode.place)),
    keepSweepPlace: (network) =>
      orFailure(
        persevere(commands, ["SETEX", placeKey(prefix), String(PLACE_S), `at:${network ?? ""}`]).then(
          decode.kept,
        ),
      ),
  };
};
