import { handClock, World } from "./networks.ts";

/** Networks of so many peers, each joined through the one before it; ten namespaces. */
export async function manyNetworks(count: number, size: number): Promise<World> {
  const world = new World(handClock(Date.now() - 86_400_000));
  for (let index = 0; index < count; index += 1) {
    const name = (peer: number): string => `net-${index}-${peer}`;
    for (let at = 0; at < size; at += 1) {
      await world.join(`ns-${index % 10}/net-${index}`, name(at), at === 0 ? null : name(at - 1));
    }
    world.clock.move(60_000);
  }
  return world;
}
