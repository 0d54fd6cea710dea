import type { Logger, Tx } from '../core/index.js'

/** Whose key it is, and for what: the same key of somebody else, or for something else, is another one. */
export interface CallKey {
  /** What is done, such as `refund` or `POST /orders`. 1 to 200 characters. */
  scope: string
  /** On whose behalf: the id of a user or a client, at most 200 characters. Default: `''`, one space of keys for all. */
  principal?: string
  /** 1 to 255 printable ASCII characters: new for each intent, the same for each retry. */
  key: string
  /** What is asked for: it must be the same each time under one key. The order of an object's members does not matter. Default: not compared. */
  input?: unknown
}

export interface KeepOptions {
  /** An answer is kept for so long; then its key is as good as new. Default: 86 400 000 ms (a day). */
  ttlMs?: number
  /** A twin that is under way is waited for so long, holding no connection. 0: not at all. Default: 5 000 ms. */
  waitMs?: number
  /** Most bytes of an answer. Default: 262 144 (256 KiB). */
  maxBytes?: number
}

export interface RunOptions extends KeepOptions {
  /** Ends waiting, and rolls the effect back. */
  signal?: AbortSignal
  /** The whole transaction of the effect. 0 sets no limit. Default: the connection's `txDeadlineMs`. */
  deadlineMs?: number
}

export interface Outcome<T> {
  /** As it was stored: what JSON keeps of it. */
  value: T
  /** The effect happened before; this is what it answered then. */
  isReplay: boolean
}

export interface HttpRules extends RunOptions {
  /** Whose keys these are: the id of a user or a client, at most 200 characters. `''`: one space of keys for all. */
  principal: string
  /** The route as the router knows it. Default: method and path of the request. */
  route?: string
  /** Without a key: true refuses the request (HF_IDEMPOTENCY_KEY_MISSING), false runs the effect without keeping its answer. Default: true. */
  isRequired?: boolean
  /**
   * Which answers are stored, and their effects committed; what others did is rolled back, and their key is as good as
   * new. Default: those below 400.
   */
  stores?: (status: number) => boolean
  /** Most bytes of the request's body. Default: 1 048 576 (1 MiB). */
  maxRequestBytes?: number
}

/** A message from another service, or a call whose answer is not kept. */
export interface Message {
  /** Who sent it, such as `payments`. At most 200 characters. */
  source: string
  /** The sender's id for it: 1 to 255 printable ASCII characters. */
  id: string
  /** Its text: another one under the same id is refused. Default: not compared. */
  body?: string
  /** For so long it is known as received: longer than the sender may repeat it. Default: 2 592 000 000 ms (30 days). */
  keepMs?: number
}

export interface IdempotencyOptions extends KeepOptions {
  /** Default: warnings and errors as JSON lines on stderr. */
  logger?: Logger
}

export interface Idempotency {
  /**
   * Runs `effect` in a transaction, once for this key: its answer is stored in the same transaction, and given to whoever
   * comes with the key again. An effect that throws has not happened, and the key is as good as new.
   * @throws HF_IDEMPOTENCY_KEY_REUSED, HF_IDEMPOTENCY_IN_FLIGHT, HF_IDEMPOTENCY_KEY_INVALID, HF_IDEMPOTENCY_ANSWER_…, and what `db.tx` throws
   */
  run<T>(call: CallKey, effect: (tx: Tx) => Promise<T>, options?: RunOptions): Promise<Outcome<T>>
  /**
   * The same for an HTTP request and its answer; `effect` gets a request whose body can be read. A replay has the header
   * `idempotency-replayed: true`. `set-cookie` and what belongs to one connection are not stored.
   * Source: draft-ietf-httpapi-idempotency-key-header-07.
   * @throws as `run`, and HF_IDEMPOTENCY_KEY_MISSING, HF_IDEMPOTENCY_BODY_TOO_LARGE: each has the `status` to answer with
   */
  handle(request: Request, rules: HttpRules, effect: (tx: Tx, request: Request) => Promise<Response>): Promise<Response>
  /**
   * The inbox: true for a message that was not received before. It counts as received exactly if `tx` commits.
   * @throws HF_IDEMPOTENCY_IN_FLIGHT when an open transaction is receiving it, HF_IDEMPOTENCY_KEY_REUSED
   */
  receive(tx: Tx, message: Message): Promise<boolean>
  /** Forgets an answer: the next request with this key runs anew. False: there was none. */
  forget(call: Pick<CallKey, 'scope' | 'principal' | 'key'>): Promise<boolean>
  /** Deletes what has expired; gives how many. Done every minute by itself. */
  sweep(): Promise<number>
  close(): Promise<void>
}
