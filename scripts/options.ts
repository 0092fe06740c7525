import { parseArgs, type ParseArgsConfig } from "node:util";

type Option = NonNullable<ParseArgsConfig["options"]>[string] & {
  /** What it is for, in the words of `--help`. */
  readonly says: string;
};

const help = { type: "boolean", default: false, says: "this text" } as const satisfies Option;

/**
 * The options of a script that are given on its command line. `--help` prints `about` and all of them, and ends the process
 * with 0; what the script does not take is an error that names it, and ends it with 2.
 *
 * @param about - what the script does, its first line how it is called
 */
export function readOptions<const Options extends Record<string, Option>>(
  about: string,
  options: Options,
): ReturnType<typeof parseArgs<{ options: Options }>>["values"] {
  const all: Record<string, Option> = { ...options, help };
  try {
    const { values } = parseArgs({ options: all });
    if (values["help"] !== true) return values as ReturnType<typeof readOptions<Options>>;
    console.log(usage(about, all));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage(about, all)}`);
    process.exit(2);
  }
  process.exit(0);
}

function usage(about: string, options: Readonly<Record<string, Option>>): string {
  const lines = Object.entries(options).map(([name, { type, default: usual, says }]) => {
    const shown = type === "string" ? `--${name} ${name.toUpperCase()}` : `--${name}`;
    return `  ${shown.padEnd(22)} ${says}${type === "string" && usual !== undefined ? `; else ${String(usual)}` : ""}`;
  });
  return `${about}\n\n${lines.join("\n")}`;
}
