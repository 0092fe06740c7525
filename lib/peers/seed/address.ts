import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { formatAddress, parseAddress } from "../address.ts";

/**
 * Where peers reach the seed. `configured` is `host` or `host:port`; without a port it is the one that the seed
 * listens on. Undefined: the machine's first address that others can reach.
 */
export function seedAddress(configured: string | undefined, port: number): string {
  if (configured === undefined || configured === "") return formatAddress({ host: ownHost(), port });
  if (isIPv6(configured)) return formatAddress({ host: configured, port });
  return parseAddress(configured) === undefined ? `${configured}:${port}` : configured;
}

/** Link-local addresses mean nothing without an interface, which an address `host:port` cannot name. */
function ownHost(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((those) => those ?? []);
  const own = addresses.find(({ address, internal }) => !internal && !/^(?:fe80:|169\.254\.)/i.test(address));
  return own?.address ?? "127.0.0.1";
}
