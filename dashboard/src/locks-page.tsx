import type { LockCircleMember } from '../../src/http/contract'
import { BlockingTree } from './blocking-tree'
import { KeysTable } from './keys-table'
import { locks, locksReadAt } from './locks-state'
import { Verdict } from './verdict'

export { startLocks } from './locks-state'

export function LocksPage() {
  const document = locks.value
  return (
    <>
      <Verdict verdict={document?.verdict} newestAt={locksReadAt.value} />
      <Circles circles={document?.circles ?? []} />
      {document?.isConnected === true && <KeysTable document={document} />}
      {document !== null && <BlockingTree document={document} />}
    </>
  )
}

function Circles({ circles }: { circles: readonly LockCircleMember[][] }) {
  if (circles.length === 0) return null
  return (
    <section class="panel circles" aria-labelledby="circles-title">
      <h2 id="circles-title">Circles</h2>
      <p class="note">Each waits for the next one, the last for the first: none of them gets what it wants.</p>
      {circles.map((circle, n) => (
        <ol key={n}>
          {circle.map((member, place) => (
            <li key={place}>
              <code>{member.owner ?? 'a process that is gone'}</code>{' '}
              {member.label !== null && <Label text={member.label} />}
              holds <Keys keys={member.holds} /> and wants <Keys keys={member.wants} />
            </li>
          ))}
        </ol>
      ))}
    </section>
  )
}

function Keys({ keys }: { keys: readonly string[] }) {
  if (keys.length === 0) return <>nothing</>
  return (
    <>
      {keys.map((key, n) => (
        <span key={key}>
          {n > 0 && ', '}
          <code>{key}</code>
        </span>
      ))}
    </>
  )
}

export function Label({ text }: { text: string }) {
  return <span class="note">({text}) </span>
}
