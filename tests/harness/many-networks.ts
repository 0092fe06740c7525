import { handClock, World } from "./networks.ts";

/** Networks of so many peers, each joined through the one before it; ten namespaces. */
export async function manyNetworks(count: number, size: number): Promise<World> {
  const world = new World(handClock(Date.now() - 86_400_000));
  for (let index = 0; index < count; index += 1) {
    const name = (peer: number): string => `net-${index}-${peer}`;
    for (let at = 0; at < size; at += 1) {
      // No two pods have one: by their names alone some of so many would.
      const address = `10.${2 + Math.floor(index / 250)}.${index % 250}.${at}:9081`;
      const network = `ns-${index % 10}/net-${index}`;
      await world.join(network, name(at), at === 0 ? null : name(at - 1), { address });
    }
    world.clock.move(60_000);
  }
  return world;
}
