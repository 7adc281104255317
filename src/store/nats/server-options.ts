/** Which server, as whom, and how a run is kept there: apart from the client, whose types those who only name a server need not have. */

/** A NATS server, and how to sign in to it. */
export interface ServerOptions {
  /** `nats://host:4222` or `tls://host:4222`, with `user:password@` or `token@` before the host; several with commas between them. */
  readonly server: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** File with an nkey seed. */
  readonly nkey?: string | undefined;
  /** Credentials file (JWT and seed). */
  readonly creds?: string | undefined;
  /** PEM files: the authority that signed the server's certificate; this client's certificate and key. */
  readonly tlsCa?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  /** Prefix of the subjects on which answers come; `_INBOX` by default. */
  readonly inboxPrefix?: string | undefined;
}

export interface StorageOptions {
  /** Where the server keeps layer states; records are always in files. */
  readonly storage: 'file' | 'memory';
  readonly replicas: number;
  /** Most bytes of layer states; 0: no limit. */
  readonly maxBytes: number;
}
