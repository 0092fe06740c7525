import { isIP, SocketAddress } from "node:net";
import { parseAddress } from "../address.ts";

/** How gRPC names who calls: the address of the connection, without brackets, and its port. */
export const callerAddress = (address: string, port: number | undefined): string => `${address}:${port}`;

/** The host in it; an IPv4 address that came in over IPv6 as IPv4. */
export const hostOfCaller = (caller: string): string => plainHost(caller.slice(0, caller.lastIndexOf(":")));

/** Whether a call comes from where the peer at this address, `host:port`, is. A host that is a name is never proven. */
export function isFrom(caller: string, address: string): boolean {
  const host = parseAddress(address)?.host;
  return host !== undefined && isIP(host) !== 0 && plainHost(host) === hostOfCaller(caller);
}

function plainHost(host: string): string {
  const [bare = ""] = host.split("%");
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare) ?? [];
  if (mapped !== undefined) return mapped;
  return isIP(bare) === 6 ? new SocketAddress({ address: bare, family: "ipv6" }).address : bare;
}
