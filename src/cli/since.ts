import { cliError } from './errors.js'

const units = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** What `--since` says. @throws HF_CLI_USAGE */
export function readSince(text: string | boolean | undefined, fallback: string): number {
  const given = typeof text === 'string' ? text : fallback
  const [, amount, unit] = /^(\d{1,4})([mhd])$/.exec(given) ?? []
  if (amount === undefined || Number(amount) === 0)
    throw cliError('HF_CLI_USAGE', `--since is "${given}"; it is a number and m, h or d, such as 30m.`)
  return Number(amount) * units[unit as keyof typeof units]
}
