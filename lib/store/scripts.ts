import { readFileSync } from "node:fs";

/** The text of a Lua script. The build replaces each call of this function by that text. */
const script = (file: string): string => readFileSync(new URL(`./scripts/${file}`, import.meta.url), "utf8");

const clock = script("clock.lua");
const record = script("record.lua");
const stack = script("stack.lua");
const holder = script("holder.lua");

/** What is sent to Redis: each script with the parts that it needs before it. */
export const scripts = {
  begin: clock + record + script("begin.lua"),
  mark: clock + holder + script("mark.lua"),
  commit: clock + stack + holder + script("commit.lua"),
  leave: clock + stack + script("leave.lua"),
  read: clock + record + script("read.lua"),
} as const;

export type ScriptName = keyof typeof scripts;
