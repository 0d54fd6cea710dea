import { useEffect, useRef } from 'preact/hooks'

interface Properties {
  outcome: string
  failure: string
  /** Where what the reader did may be far below: a failure is scrolled to. */
  comesIntoView?: boolean
}

/**
 * What the reader's last action did, and what went wrong with what was asked for last. Always there, so that a screen
 * reader hears it change.
 */
export function Notices({ outcome, failure, comesIntoView = false }: Properties) {
  const alert = useRef<HTMLParagraphElement>(null)
  useEffect(() => {
    if (comesIntoView && failure !== '') alert.current?.scrollIntoView({ block: 'nearest' })
  }, [failure, comesIntoView])
  return (
    <div class="notices">
      <p class="notice" role="status">
        {outcome}
      </p>
      <p class="notice notice-failure" role="alert" ref={alert}>
        {failure}
      </p>
    </div>
  )
}
