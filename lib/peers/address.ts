import { isIPv4, isIPv6 } from "node:net";

/** An address `host:port` in its parts; IPv6 without brackets. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Undefined: not an address. IPv6 must be in brackets, and there must be a port. */
export function parseAddress(address: string): Endpoint | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return bracketed !== undefined && !isIPv6(bracketed) ? undefined : { host, port };
}

export const formatAddress = ({ host, port }: Endpoint): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;

/** As a gRPC target. An IP address has a scheme that never asks a resolver; only a name is looked up. */
export function targetOf(endpoint: Endpoint): string {
  const { host } = endpoint;
  const scheme = isIPv6(host) ? "ipv6:" : isIPv4(host) ? "ipv4:" : "dns:///";
  return `${scheme}${formatAddress(endpoint)}`;
}
