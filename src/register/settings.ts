export interface Settings {
  isOff: boolean
  /** Undefined: the database that the application uses first. */
  url: string | undefined
  flushMs: number | undefined
  isTalkative: boolean
  /** A replay has started this program, and holds its gate. */
  gate: { port: number; token: string } | undefined
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
    gate: readGate(env),
    isTalkative: env['HOLDFAST_WATCH_DEBUG'] === '1',
  }
}

function readGate({
  HOLDFAST_CLASH_PORT: port = '',
  HOLDFAST_CLASH_TOKEN: token = '',
}: NodeJS.ProcessEnv): Settings['gate'] {
  return Number(port) > 0 && token !== '' ? { port: Number(port), token } : undefined
}
