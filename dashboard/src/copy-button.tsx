import { useEffect, useState } from 'preact/hooks'

const shownMs = 2_000

interface Properties {
  text: string
  /** What is copied, for those who cannot see what stands beside it. */
  what: string
}

export function CopyButton({ text, what }: Properties) {
  const [state, setState] = useState<'ready' | 'copied' | 'refused'>('ready')
  useEffect(() => {
    if (state === 'ready') return
    const timer = window.setTimeout(() => setState('ready'), shownMs)
    return () => clearTimeout(timer)
  }, [state])
  return (
    <button
      type="button"
      class="quiet copy"
      aria-label={`Copy ${what}`}
      onClick={() => void copy(text).then((isCopied) => setState(isCopied ? 'copied' : 'refused'))}
    >
      <span role="status">{state === 'ready' ? 'Copy' : state === 'copied' ? 'Copied' : 'Select it by hand'}</span>
    </button>
  )
}

/** The clipboard is only there for pages of this machine and over https. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
