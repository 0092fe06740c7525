import { readFileSync } from "node:fs";
import { keyNames } from "./keys.ts";

/** The text of a Lua script. The build replaces each call of this function by that text. */
const script = (file: string): string => readFileSync(new URL(`./scripts/${file}`, import.meta.url), "utf8");

const clock = script("clock.lua");
const since = script("since.lua");
const record = since + script("record.lua");
const stack = script("stack.lua");
const holder = script("holder.lua");

/** KEYS by their names; a receipt comes last, where a script has one. */
const keys = `local keys = { ${[...keyNames, "receipt"].map((name, at) => `${name} = KEYS[${at + 1}]`).join(", ")} }\n`;

/** What is sent to Redis: each script with the parts that it needs before it. */
export const scripts = {
  begin: keys + clock + record + script("begin.lua"),
  mark: keys + clock + holder + script("mark.lua"),
  commit: keys + clock + since + stack + holder + script("commit.lua"),
  leave: keys + clock + stack + script("leave.lua"),
  read: keys + clock + record + script("read.lua"),
} as const;

export type ScriptName = keyof typeof scripts;
