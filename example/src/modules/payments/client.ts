/** `refused`: the request never left us. `lost`: it did, and what became of it is not known. */
export type Answer = { kind: 'answered'; status: number; body: unknown } | { kind: 'refused' } | { kind: 'lost' }

export interface PaymentsClientOptions {
  url: string
  /** Each call ends after this long. @unit ms */
  timeoutMs: number
  /** Ends every call at once, on shutdown. */
  signal?: AbortSignal
}

export interface PaymentsClient {
  post(path: string, key: string, body: object, signal?: AbortSignal): Promise<Answer>
}

/** Talks HTTP to the payments service. Never throws: each caller must decide what a lost answer means. */
export function createPaymentsClient({ url, timeoutMs, signal }: PaymentsClientOptions): PaymentsClient {
  async function post(path: string, key: string, body: object, own?: AbortSignal): Promise<Answer> {
    const signals = [AbortSignal.timeout(timeoutMs), signal, own].filter((each) => each !== undefined)
    try {
      const response = await fetch(new URL(path, url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(body),
        signal: AbortSignal.any(signals),
      })
      // Inside the deadline too: a body that never ends must not hold the request for ever.
      return { kind: 'answered', status: response.status, body: await response.json() }
    } catch (error) {
      return { kind: wasNeverSent(error) ? 'refused' : 'lost' }
    }
  }

  return { post }
}

/** Only a connection that was never made proves that payments did nothing. A reset or a deadline proves nothing. */
function wasNeverSent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  const codes = ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT']
  return cause instanceof Error && 'code' in cause && codes.includes(String(cause.code))
}
