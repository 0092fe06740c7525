import { perform } from "./commands.ts";
import { settle } from "./ending.ts";
import type { Facts } from "./facts.ts";
import type { Tamper } from "./function-service.ts";
import type { Command, Schedule } from "./schedule.ts";
import { World } from "./world.ts";

/** Everything is set up by then, ms. */
const SET_UP_MS = 3_000;

/** Runs a schedule to its end: faults, all healed, a sweep, and what has become of the networks. */
export async function run({ setting, commands }: Schedule, tamper?: Tamper): Promise<Facts> {
  const world = new World(setting, tamper);
  world.start();
  for (const command of commands) {
    world.clock.after(command.at, () => {
      perform(world, command);
    });
  }
  const lasting = (command: Command): number => {
    const isMoment = command.kind === "fault" && command.what === "crash";
    return command.at + ("ms" in command && !isMoment ? command.ms : 0);
  };
  await world.clock.advance(Math.max(SET_UP_MS, ...commands.map(lasting)));
  return settle(world);
}
