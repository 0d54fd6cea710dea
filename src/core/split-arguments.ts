import type { Tx } from './types.js'

/** Calls begin with a transaction or leave it out. */
export function splitArguments<Rest extends unknown[]>(args: unknown[]): [Tx | undefined, ...Rest] {
  const isTx = typeof args[0] === 'object' && args[0] !== null && 'savepoint' in args[0]
  return (isTx ? args : [undefined, ...args]) as [Tx | undefined, ...Rest]
}
