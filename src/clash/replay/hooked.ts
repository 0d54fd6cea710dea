interface Hooked {
  labs: number
  unhook: () => void
}

const hooked = new WeakMap<object, Hooked>()

/** Once for all labs of a process: a statement that came to two gates in a row would stand at the second one for ever. */
export function hookOnce(prototype: object, hook: () => () => void): () => void {
  const found = hooked.get(prototype) ?? { labs: 0, unhook: hook() }
  hooked.set(prototype, found)
  found.labs++
  let isGone = false
  return () => {
    if (isGone) return
    isGone = true
    if (--found.labs > 0) return
    hooked.delete(prototype)
    found.unhook()
  }
}
