import type { Command } from "commander";
import { podKey } from "../status/trouble.ts";
import type { Kube } from "./kube.ts";
import { readPods } from "./pods.ts";

/**
 * What may come next on a command line, for a shell's completion. `words`: all that stands there, the last one still
 * being written. Pods and networks come from the cluster; where it cannot be asked there is nothing to offer.
 */
export async function completions(
  program: Command,
  words: readonly string[],
  open: () => Kube,
): Promise<readonly string[]> {
  const current = words.at(-1) ?? "";
  const command = program.commands.find((each) => each.name() === words[0] && words.length > 1);
  if (current.startsWith("-")) {
    const options = [...program.options, ...(command?.options ?? [])];
    return starting(
      current,
      options.flatMap(({ long }) => long ?? []),
    );
  }
  if (command === undefined) {
    return starting(
      current,
      program.commands.map((each) => each.name()),
    );
  }
  const given = words.slice(1, -1).filter((word) => !word.startsWith("-"));
  if (given.length > 0) return [];
  try {
    return starting(current, await argumentsOf(command.name(), open()));
  } catch {
    return [];
  }
}

async function argumentsOf(command: string, kube: Kube): Promise<readonly string[]> {
  switch (command) {
    case "why":
      return (await readPods(kube, undefined)).map(podKey);
    case "reform":
      return [...new Set((await readPods(kube, undefined)).flatMap(({ network }) => network ?? []))];
    case "completion":
      return Object.keys(shells);
    default:
      return [];
  }
}

const starting = (current: string, candidates: readonly string[]): readonly string[] =>
  candidates.filter((candidate) => candidate.startsWith(current)).sort();

/** What each shell has to run at its start; every one asks `klight __complete`. */
export const shells: Readonly<Record<string, string>> = {
  bash: `_klight() {
  mapfile -t COMPREPLY < <(klight __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o nosort -F _klight klight
`,
  zsh: `#compdef klight
_klight() {
  local -a candidates
  candidates=("\${(@f)$(klight __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $candidates
}
compdef _klight klight
`,
  fish: `complete -c klight -f -a '(klight __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
};
