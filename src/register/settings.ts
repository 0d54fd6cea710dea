export interface Settings {
  isOff: boolean
  /** Undefined: the database that the application uses first. */
  url: string | undefined
  flushMs: number | undefined
  isTalkative: boolean
  blocking: boolean
  clash: boolean
}

export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const flushMs = Number(env['HOLDFAST_WATCH_FLUSH_MS'] ?? '')
  return {
    isOff: env['HOLDFAST_WATCH'] === 'off',
    url: env['HOLDFAST_URL'] === '' ? undefined : env['HOLDFAST_URL'],
    // What is no number is none: a typing error must not keep an application from starting.
    flushMs: flushMs >= 100 && flushMs <= 60_000 ? flushMs : undefined,
    blocking: env['HOLDFAST_WATCH_BLOCKING'] !== 'off',
    clash: env['HOLDFAST_WATCH_CLASH'] !== 'off',
    isTalkative: env['HOLDFAST_WATCH_DEBUG'] === '1',
  }
}
