import type { Status } from "../status/status.ts";
import type { Why } from "../status/why.ts";
import { type Named, type Options, podMeant } from "./command-line.ts";
import { type CliAnswer, CommandFailed, EXIT } from "./answer.ts";
import { ask, type Told } from "./server.ts";
import { statusInWords, whyAtServerInWords } from "./server-words.ts";
import { lines } from "./words.ts";

async function asked(
  { server = "", token, timeout }: Options,
  path: string,
  method?: "POST",
): Promise<Extract<Told, { tag: "answer" }>> {
  const target = { url: server, timeoutMs: timeout * 1_000, ...(token !== undefined && { token }) };
  const told = await ask(target, path, method);
  switch (told.tag) {
    case "answer":
      return told;
    case "refused": {
      const isDenied = told.status === 401 || told.status === 403;
      const isBlind = told.status >= 500;
      throw new CommandFailed(isDenied ? EXIT.denied : isBlind ? EXIT.unknown : EXIT.notWell, told.message);
    }
    case "unreachable":
      throw new CommandFailed(
        EXIT.unknown,
        `${told.message}\nWithout --server your kubeconfig is enough; docs/deploy.md says how to reach the function.`,
      );
  }
}

/** The commands, answered by klight's function. Each throws CommandFailed where it does not answer. */
export const actionsAtServer = {
  why: async (options: Options, named: Named): Promise<CliAnswer> => {
    const { namespace, name } = podMeant(named, options, "default");
    const { body } = await asked(options, `why/${namespace}/${name}`);
    // The other side of the same build; a test holds the two together.
    const why = body as Why;
    const codes = { in: EXIT.well, "not in": EXIT.notWell, unknown: EXIT.unknown } as const;
    return {
      words: whyAtServerInWords(why),
      json: why,
      code: why.verdict === "in" && why.needsHelp ? EXIT.notWell : codes[why.verdict],
    };
  },
  networks: async (options: Options): Promise<CliAnswer> => {
    const { body } = await asked(options, "networks");
    const status = body as Status;
    const needsHelp = status.networks.some(({ level }) => level === "help");
    const code = needsHelp ? EXIT.notWell : EXIT.well;
    const isBlind = status.cluster.tag !== "seen";
    return { words: statusInWords(status), json: status, code: isBlind ? EXIT.unknown : code };
  },
  reform: async (options: Options, { namespace = options.namespace, name }: Named): Promise<CliAnswer> => {
    const network = namespace === undefined ? name : `${namespace}/${name}`;
    const { outcome = "", body } = await asked(options, `networks/${network}/reform`, "POST");
    const done = outcome.startsWith("reformed");
    return {
      words: lines(outcome),
      json: { outcome, ...(body as object) },
      code: done ? EXIT.well : EXIT.notWell,
    };
  },
};
