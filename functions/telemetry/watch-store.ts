import type { Contacts } from "../../lib/store/contacts.ts";
import type { AnswerAttributes, RecordedCall, Recorder } from "./recorder.ts";

export interface StoreAbout {
  /** `redis`, or `memory`. */
  readonly system: string;
  /** Host of Redis, or of its REST port; with Sentinels the name that they know it by. */
  readonly address?: string;
}

const storeAnswer = ({ tag }: { readonly tag: string }): AnswerAttributes =>
  tag === "failed" ? { answer: tag, error: "unavailable" } : { answer: tag };

/** The store, each call a span and a time. */
export function watchStore(recorder: Recorder, contacts: Contacts, about: StoreAbout): Contacts {
  const script = (procedure: string, details: RecordedCall["details"]): RecordedCall<"storeCalls"> => ({
    name: `EVALSHA ${procedure}`,
    metric: "storeCalls",
    attributes: {
      "db.system.name": about.system,
      "db.operation.name": "EVALSHA",
      "db.stored_procedure.name": procedure,
    },
    details: { ...details, ...(about.address !== undefined && { "server.address": about.address }) },
  });
  const on = (procedure: string, network: string): RecordedCall =>
    script(procedure, { "klight.network": network });
  const plain = (operation: string): RecordedCall<"storeCalls"> => ({
    name: operation,
    metric: "storeCalls",
    attributes: { "db.system.name": about.system, "db.operation.name": operation },
  });
  return {
    begin: (network, ...more) =>
      recorder.call(on("begin", network), () => contacts.begin(network, ...more), storeAnswer),
    mark: (network, ...more) =>
      recorder.call(on("mark", network), () => contacts.mark(network, ...more), storeAnswer),
    commit: (network, ...more) =>
      recorder.call(on("commit", network), () => contacts.commit(network, ...more), storeAnswer),
    leave: (network, ...more) =>
      recorder.call(on("leave", network), () => contacts.leave(network, ...more), storeAnswer),
    networks: () => recorder.call(plain("SCAN"), () => contacts.networks(), storeAnswer),
    read: (networks) =>
      recorder.call(
        script("read", { "db.operation.batch.size": networks.length }),
        () => contacts.read(networks),
        storeAnswer,
      ),
    sweepPlace: () => recorder.call(plain("GETEX"), () => contacts.sweepPlace(), storeAnswer),
    keepSweepPlace: (network) =>
      recorder.call(plain("SETEX"), () => contacts.keepSweepPlace(network), storeAnswer),
  };
}
