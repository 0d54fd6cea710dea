/** What to do instead of a call that keeps the event loop: by its name, as Node has it; undefined: no call of Node's. */
export function adviseCall(name: string | undefined): string {
  const plain = name?.split('.').at(-1) ?? ''
  if (plain === 'wait')
    return 'Wait for a promise instead: `Atomics.waitAsync`, an event, a timer of node:timers/promises.'
  if (/^(pbkdf2|scrypt|argon2|hkdf|generate\w+)Sync$/.test(plain))
    return `Call \`${nameTwin(plain)}\` and await it, inside \`createLimiter\` of holdfast/overload: Node has four threads for all of it.`
  if (plain.endsWith('Sync')) return `Call \`${nameTwin(plain)}\` and await it${adviseFile(plain)}.`
  return 'Run it on another thread with `offload` of holdfast/overload, or in pieces with `await setImmediate()` of node:timers/promises between them.'
}

const adviseFile = (name: string): string =>
  /^(read|exists|stat|lstat|access|open|realpath)/.test(name) ? '; what does not change is read once, at the start' : ''
const nameTwin = (name: string): string => name.slice(0, -'Sync'.length)
