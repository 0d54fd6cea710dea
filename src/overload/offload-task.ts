/** What is sent to a thread: a function by its source, or a module and a name. */
export type OffloadTask = { args: unknown[] } & ({ source: string } | { module: string; name: string })

/** What went wrong in a thread, in a form that can be sent. */
export interface SentError {
  /** `thrown`: by the function. Others: before or after it ran. */
  kind: 'thrown' | 'not-error' | 'free-variable' | 'function' | 'clone'
  name: string
  message: string
  stack: string | undefined
  /** Own properties of the error; of `not-error` the value is in `value`. */
  properties: Record<string, unknown>
}

export type OffloadAnswer = { result: unknown } | { error: SentError }
