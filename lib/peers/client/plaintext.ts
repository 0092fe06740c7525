// oxlint-disable no-underscore-dangle -- the name that grpc-js gives to what a kind of credentials defines
import type { Socket } from "node:net";
import { type ChannelCredentials, credentials as kinds } from "@grpc/grpc-js";

/**
 * Credentials for one channel that speaks plaintext, and an end of its socket. A channel that is closed before a server
 * has answered leaves the socket open for as long as that does not happen: at a process that hangs, for ever.
 */
export function plaintextConnection(): {
  readonly credentials: ChannelCredentials;
  hangUp(this: void): void;
} {
  const credentials = kinds.createInsecure();
  const connectorFor = credentials._createSecureConnector.bind(credentials);
  let last: Socket | undefined;
  credentials._createSecureConnector = (...about) => {
    const connector = connectorFor(...about);
    const connect: typeof connector.connect = (socket) => {
      last = socket;
      return connector.connect(socket);
    };
    return { ...connector, connect };
  };
  return { credentials, hangUp: () => last?.destroy() };
}
