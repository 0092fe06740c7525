import { readFileSync } from "node:fs";
import { keyNames } from "./keys.ts";

/** The text of a Lua script. The build replaces each call of this function by that text. */
const script = (file: string): string => readFileSync(new URL(`./scripts/${file}`, import.meta.url), "utf8");

const clock = script("clock.lua");
const since = script("since.lua");
const recordScript = since + script("record.lua");
const stackScript = script("stack.lua");
const holder = script("holder.lua");
const peers = script("peers.lua");

/** KEYS by their names, from the one after `first` on; what is not of one network comes last, where a script has it. */
const byName = [...keyNames, "receipt", "peers"]
  .map((name, at) => `${name} = KEYS[first + ${at + 1}]`)
  .join(", ");
const keysOf = `local KEYS_EACH = ${keyNames.length}\nlocal function keys_of(first) return { ${byName} } end\n`;
const keys = `${keysOf}local keys = keys_of(0)\n`;

/** What is sent to Redis: each script with the parts that it needs before it. */
export const scripts = {
  begin: keys + clock + recordScript + peers + script("begin.lua"),
  mark: keys + clock + holder + peers + script("mark.lua"),
  commit: keys + clock + since + stackScript + holder + peers + script("commit.lua"),
  leave: keys + clock + stackScript + peers + script("leave.lua"),
  read: keysOf + clock + recordScript + script("read.lua"),
} as const;

export type ScriptName = keyof typeof scripts;
