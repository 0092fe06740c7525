import assert from "node:assert/strict";
import type {
  Change,
  Contact,
  Contacts,
  Intent,
  LogEntry,
  NetworkRecord,
  NetworkView,
  StepPod,
} from "../../lib/store/contacts.ts";

export const LONG_MS = 60_000;
const at = "2026-01-01T00:00:00Z";

export const contact = (name: string, life = 1): Contact => ({
  uid: `uid-${name}`,
  namespace: "shop",
  name,
  address: `10.0.0.1:${9081 + life}`,
  incarnation: `containerd://${name}-${life}`,
  via: life === 1 ? null : "other",
  joinedAt: at,
});

/** A step for a pod that should be in, and may be already. */
export const joining = (life: Contact): StepPod => ({ how: "joins", uid: life.uid, life });

export const intent: Intent = { kind: "join", pod: "shop/b", contact: "a", at };
export const reform: Intent = { kind: "reform", pod: "shop/b", seed: "10.0.0.9:9082", at };
export const logEntry = (message: string): LogEntry => ({ at, outcome: "joined", reason: "Joined", message });
export const empty: NetworkRecord = {
  stack: [],
  intent: undefined,
  generation: 0,
  quietMs: 0,
  newest: undefined,
  hung: {},
  waitedFor: {},
  deaths: false,
};

interface Calls {
  view(network: string): Promise<NetworkView>;
  begin(network: string, token: string, leaseMs?: number): Promise<NetworkRecord>;
  step(network: string, token: string, change: Change): Promise<void>;
  names(network: string): Promise<string[]>;
}

/** The calls of a test, with the answers that nearly all of them expect. */
export const callsOf = (contacts: Contacts): Calls => {
  const view = async (network: string): Promise<NetworkView> => {
    const read = await contacts.read([network]);
    assert.equal(read.tag, "read");
    const [first] = read.views;
    assert.ok(first);
    return first;
  };
  const begin = async (network: string, token: string, leaseMs = LONG_MS): Promise<NetworkRecord> => {
    const begun = await contacts.begin(network, token, leaseMs);
    assert.equal(begun.tag, "leased");
    return begun.record;
  };
  const step = async (network: string, token: string, change: Change): Promise<void> => {
    await begin(network, token);
    assert.deepEqual(await contacts.commit(network, token, change), { tag: "committed" });
  };
  const names = async (network: string): Promise<string[]> =>
    (await view(network)).stack.map(({ name }) => name);
  return { view, begin, step, names };
};

/** One implementation, as the suite uses it. */
export interface Implementation {
  readonly contacts: Contacts;
  /** Lets at least this much of the store's time pass. */
  pass(ms: number): Promise<void>;
  /** The store forgets everything. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** What the tests of an implementation share. */
export type Suite = () => { contacts: Contacts; it: Implementation; calls: ReturnType<typeof callsOf> };
