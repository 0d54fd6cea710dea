interface Properties {
  label: string
  isOpen: boolean
  onToggle: () => void
}

/** The name of a row that can be opened. */
export function Opener({ label, isOpen, onToggle }: Properties) {
  return (
    <button type="button" class="opener" aria-expanded={isOpen} onClick={onToggle}>
      <span class="arrow" aria-hidden="true">
        {isOpen ? '▼' : '▶'}
      </span>
      <span class="route-name">{label}</span>
    </button>
  )
}
