import type { Tamper } from "./function-service.ts";

type Method = (...args: readonly never[]) => unknown;

const short = (value: unknown): string => {
  const text = JSON.stringify(value, (_key, part: unknown) =>
    part instanceof Uint8Array ? Buffer.from(part).toString() : part,
  );
  return (text ?? "").replaceAll('"', "").slice(0, 260);
};

/** Tells every call that klight makes and what came of it, a line each. */
export function tracing(tell: (line: string) => void): Tamper {
  let steps = 0;
  return (deps) => {
    const step = (steps += 1);
    const { clock } = deps;
    const at = (): string => ((clock.now() - Date.UTC(2026, 0, 1)) / 1_000).toFixed(4);
    const traced = <Port extends object>(port: Port): Port =>
      Object.fromEntries(
        Object.entries(port).map(([name, method]: [string, Method]) => [
          name,
          (...args: readonly never[]) => {
            const sent = at();
            const answering = method(...args);
            // Beside the call and not in its way: one tick more or less makes another run.
            void Promise.resolve(answering).then((answer) => {
              tell(`${sent}..${at()} [${step}] ${name}${short(args)} -> ${short(answer)}`);
            });
            return answering;
          },
        ]),
      ) as Port;
    return {
      ...deps,
      contacts: traced(deps.contacts),
      lightpeer: { ...traced(deps.lightpeer), release: () => deps.lightpeer.release() },
      cluster: {
        ...traced(deps.cluster),
        recordEvent: (pod, event) => {
          tell(`${at()} [${step}] EVENT ${pod.name} ${event.reason}: ${event.message}`);
          return deps.cluster.recordEvent(pod, event);
        },
      },
    };
  };
}
