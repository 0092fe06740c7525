import type { Contacts } from "../../lib/store/contacts.ts";
import type { Deps } from "../../lib/deps.ts";
import type { Block, Seed } from "../../lib/peers/lightpeer.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { QUIET_MS } from "../../lib/timing.ts";
import { readList, writeList } from "../harness/lightpeer/network-list.ts";
import type { Tamper } from "./function-service.ts";

/**
 * What klight would be without one of the things that keep networks whole. Each defect lies between klight's code and
 * a port, so that the code itself has no place for them; each must make an invariant fail.
 */

const listOf = (block: Block | undefined): readonly string[] => {
  const list = block && readList(block.payload);
  return list?.tag === "list" ? list.network : [];
};

/** Every step believes that it alone has the network. */
export const noLease: Tamper = (deps) => {
  const { contacts } = deps;
  const begin: Contacts["begin"] = async (network, ...rest) => {
    const begun = await contacts.begin(network, ...rest);
    if (begun.tag !== "busy") return begun;
    const read = await contacts.read([network]);
    const record = read.tag === "read" ? read.views[0] : undefined;
    return record ? { tag: "leased", record } : begun;
  };
  const mark: Contacts["mark"] = async (...call) => {
    const marked = await contacts.mark(...call);
    return marked.tag === "lost" ? { tag: "marked" } : marked;
  };
  return {
    ...deps,
    contacts: { ...contacts, begin, mark },
    turns: { take: (_network, _tooLate, work) => work(), idle: () => false },
  };
};

/** Nothing is known of what a step that died was about to do. */
export const noIntent: Tamper = (deps) => {
  const begin: Contacts["begin"] = async (...call) => {
    const begun = await deps.contacts.begin(...call);
    return begun.tag === "leased" ? { ...begun, record: { ...begun.record, intent: undefined } } : begun;
  };
  return { ...deps, contacts: { ...deps.contacts, begin } };
};

/** No death is waited out. */
export const noQuietTime: Tamper = (deps) => {
  const begin: Contacts["begin"] = async (...call) => {
    const begun = await deps.contacts.begin(...call);
    return begun.tag === "leased" ? { ...begun, record: { ...begun.record, quietMs: 0 } } : begun;
  };
  const sleep: Deps["clock"]["sleep"] = (ms) => deps.clock.sleep(ms === QUIET_MS ? 0 : ms);
  return { ...deps, contacts: { ...deps.contacts, begin }, clock: { now: () => deps.clock.now(), sleep } };
};

/** No peer is asked whether it is fresh. */
export const noQuestion: Tamper = (deps) => ({
  ...deps,
  lightpeer: { ...deps.lightpeer, askFresh: async () => "unimplemented" },
});

/** Every join that is written down takes another contact off the stack. */
export const popsALivingContact: Tamper = (deps) => {
  const commit: Contacts["commit"] = async (network, token, change) => {
    const read = await deps.contacts.read([network]);
    const top = read.tag === "read" ? read.views[0]?.stack[0] : undefined;
    const drop = change.push && top ? [...(change.drop ?? []), top] : change.drop;
    return deps.contacts.commit(network, token, { ...change, ...(drop && { drop }) });
  };
  return { ...deps, contacts: { ...deps.contacts, commit } };
};

/** A join is sent again when it has succeeded. */
export const joinsTwice: Tamper = (deps) => ({
  ...deps,
  lightpeer: {
    ...deps.lightpeer,
    join: async (address, contact, timeoutMs) => {
      const end = await deps.lightpeer.join(address, contact, timeoutMs);
      return end.tag === "joined" ? deps.lightpeer.join(address, contact, timeoutMs) : end;
    },
  },
});

/** A peer is joined to itself. */
export const joinsItself: Tamper = (deps) => ({
  ...deps,
  lightpeer: {
    ...deps.lightpeer,
    join: (address, _contact, timeoutMs) => deps.lightpeer.join(address, address, timeoutMs),
  },
});

/** A list that the API server does not give is taken for an empty one. */
export const foundsOnErrors: Tamper = (deps) => ({
  ...deps,
  cluster: {
    ...deps.cluster,
    listPods: async (where) => {
      const listed = await deps.cluster.listPods(where);
      return listed.tag === "failed" ? { tag: "pods", pods: [] } : listed;
    },
  },
});

/** A member that does not answer is taken for one that does. */
export const ignoresHungMembers: Tamper = (deps) => ({
  ...deps,
  lightpeer: {
    ...deps.lightpeer,
    probe: async (address, timeoutMs) => {
      const probe = await deps.lightpeer.probe(address, timeoutMs);
      return probe === "silent" ? "serving" : probe;
    },
  },
});

/** A peer that does not answer is waited for without end. */
export const waitsWithoutEnd: Tamper = (deps) => ({
  ...deps,
  lightpeer: {
    ...deps.lightpeer,
    probe: async (address, timeoutMs) => {
      const probe = await deps.lightpeer.probe(address, timeoutMs);
      return probe === "silent" ? new Promise(() => {}) : probe;
    },
  },
});

/** Labels are not read: all pods are of one network. */
export const mixesNetworks: Tamper = (deps) => {
  const inOne = (pod: Pod): Pod => {
    const network = "sim/a";
    const { admission } = pod;
    const peer =
      admission.tag === "peer" ? { ...admission, peer: { ...admission.peer, network } } : admission;
    return { ...pod, network, admission: peer };
  };
  return {
    ...deps,
    cluster: {
      ...deps.cluster,
      listPods: async () => {
        const listed = await deps.cluster.listPods({});
        return listed.tag === "pods" ? { ...listed, pods: listed.pods.map(inOne) } : listed;
      },
      getPod: async (name) => {
        const asked = await deps.cluster.getPod(name);
        return asked.tag === "pod" && asked.pod ? { ...asked, pod: inOne(asked.pod) } : asked;
      },
    },
  };
};

/** The list that a re-form ends with lacks the last member. */
export const forgetsAMember: Tamper = (deps) => ({
  ...deps,
  lightpeer: {
    ...deps.lightpeer,
    notify: (address, block, timeoutMs) => {
      const list = listOf(block);
      const shorter = list.length > 2 ? list.slice(0, -1) : list;
      return deps.lightpeer.notify(address, { ...block, payload: writeList(shorter) }, timeoutMs);
    },
  },
});

/** A re-form hands out a chain without entries. */
export const dropsTheHistory: Tamper = (deps) => ({
  ...deps,
  seeds: {
    open: async (use) => {
      const opened = await deps.seeds.open(use);
      if (opened.tag === "failed") return opened;
      const { seed } = opened;
      const expect: Seed["expect"] = (peer, first) => {
        const call = seed.expect(peer, first);
        const end: Block = { id: first.prevId, prevId: "", kind: "network", payload: writeList([]) };
        return {
          arrived: call.arrived,
          send: () => call.send([end]),
          finish: () => {
            call.finish();
          },
          refuse: () => {
            call.refuse();
          },
        };
      };
      return { tag: "open", seed: { ...seed, expect } };
    },
  },
});

/** Peers that have come to the seed may store all the same, and nobody looks whether they did. */
export const freezesNobody: Tamper = (deps) => {
  let gathered = new Map<string, Awaited<ReturnType<Deps["lightpeer"]["history"]>>>();
  return {
    ...deps,
    seeds: {
      open: (use) => {
        gathered = new Map();
        return deps.seeds.open(use === "reform" ? "visit" : use);
      },
    },
    lightpeer: {
      ...deps.lightpeer,
      history: async (address, ...rest) => {
        const history = await deps.lightpeer.history(address, ...rest);
        gathered.set(address, history);
        return history;
      },
      newest: (address, ...rest) => {
        const history = gathered.get(address);
        gathered.delete(address);
        return history?.tag === "history"
          ? Promise.resolve({ tag: "newest", digest: history.digest })
          : deps.lightpeer.newest(address, ...rest);
      },
    },
  };
};

/** What each instance has been told of pods. */
const remembered = new WeakMap<Deps["turns"], Map<string, Pod>>();

/** A pod is taken to be what it was when it was listed first, and to be where it was. */
export const remembersPods: Tamper = (deps) => {
  const known = remembered.get(deps.turns) ?? new Map<string, Pod>();
  remembered.set(deps.turns, known);
  return {
    ...deps,
    cluster: {
      ...deps.cluster,
      listPods: async (where) => {
        const listed = await deps.cluster.listPods(where);
        for (const pod of listed.tag === "pods" ? listed.pods : [])
          if (pod.address !== undefined && !known.has(pod.name)) known.set(pod.name, pod);
        return listed;
      },
      getPod: async (name) => {
        const pod = known.get(name.name);
        return pod ? { tag: "pod", pod } : deps.cluster.getPod(name);
      },
    },
  };
};

/** One network at a time: all wait for one that is slow. */
export const oneTurnForAll: Tamper = (deps) => ({
  ...deps,
  turns: { ...deps.turns, take: (_network, ...rest) => deps.turns.take("all", ...rest) },
});
