import { useEffect, useRef } from 'preact/hooks'
import { page } from './view-state'

const wordsOfNow: readonly [string, string][] = [
  [
    'P50, P95, P99',
    'Half, 95 % or 99 % of the requests were at least this fast. Never an average of averages: bins are merged.',
  ],
  [
    'Route',
    'The pattern that matched, such as GET /orders/:id. (unmatched) is what no route took, (overflow) all routes beyond the first 100.',
  ],
  ['Error', 'A response with status 500 and above. A client that went away counts as neither error nor success.'],
  ['Loop delay', 'How late a timer of this process ran. While the event loop is blocked, every request waits.'],
  ['Loop busy', 'Share of the second in which the event loop of this process worked. Near 100 %, requests queue.'],
  [
    'libuv wait',
    'What a call of a file waited for one of Node’s threads (four, unless UV_THREADPOOL_SIZE says otherwise): hashing, compression, DNS and files share them.',
  ],
  ['Pool busy', 'Connections in use, the highest seen in the second; looked at four times a second.'],
  ['Waiting', 'Callers that asked for a connection while all were busy.'],
  ['Acquire wait', 'Time between asking for a connection and having it; no part of the statement’s own time.'],
  ['Watch, Act now', 'Watch: worth a look today. Act now: requests are failing or waiting at this moment.'],
]

const wordsOfLatency: readonly [string, string][] = [
  [
    'P50, P95, P99',
    'Half, 95 % or 99 % were at least this fast, over all processes: what each of them saw is added up, never averaged.',
  ],
  ['Route', 'The pattern that matched. (none) is what belongs to no request: jobs, sagas, upkeep.'],
  ['A day before', 'The same window, a day earlier.'],
  [
    'Where the time goes',
    'Connection: waiting for one. Statements: waiting for the database. Services: other HTTP services. Event loop: it was late, for whatever ran meanwhile; that overlaps the others. The rest: what else it awaits, and work of less than 10 ms at a time.',
  ],
  [
    'First request of a process',
    'One of the first ten of the route: code not compiled, connections and caches not there yet. How many there were and their time is kept, not each of them; so “at most”.',
  ],
  ['Service', 'A host that requests called by HTTP. (overflow) is what lies beyond the first 50 hosts of a process.'],
  ['Statement', 'As PostgreSQL’s parser sees it: literals are $n, comments are gone. Parameters are never kept.'],
  ['Share', 'Of all the time that statements of the route took.'],
  ['Times in a request', 'One by one: 50 quick ones are as slow as one bad one. Ask for all of them at once.'],
  ['(overflow)', 'Statements beyond the limit of series, counted together.'],
]

const wordsOfQueries: readonly [string, string][] = [
  ['Query', 'A statement over all routes and processes; literals are $n. Parameters are never kept.'],
  ['P95', 'Of 100 executions, 95 were at least this fast, over all processes.'],
  ['Plan', 'The way to the rows: operators, tables, indexes. Values and amounts do not make another plan.'],
  [
    'Lane',
    'When a plan was seen: of executions that were explained, which are few. An empty place says that none was, not that it was out of use.',
  ],
  ['Flip', 'Another plan than those known, which loses an index or reads far more, and is slower.'],
  ['Inferred', 'Re-created: the application’s session said that it used a generic plan, made for any values.'],
  ['Cost', 'The planner’s own measure, in no unit.'],
  ['Proof', 'hypopg: the planner sees an index that is not there. Sample: a real one on a part of the table’s rows.'],
]

const wordsOfFindings: readonly [string, string][] = [
  ['Act now, Watch, Hint', 'Act now: users wait. Watch: worth a look today. Hint: wasteful, and nobody waits for it.'],
  ['Seen', 'How often since it began. Not seen for a day, it begins anew.'],
  ['Fix', 'What to do: plain SQL, or something of holdfast.'],
  ['Place', 'File and line. Of compiled code the line that somebody wrote, where it runs with --enable-source-maps.'],
  ['Prove', 'A command that shows the failure and the fix, measured on your machine.'],
]

const wordsOfClash: readonly [string, string][] = [
  ['Pair', 'Two requests, perhaps of one route, that can meet at rows of a table so that neither order would end so.'],
  [
    'Really met',
    'Two requests that were between reading and writing the same row at the same time, of those that were followed: half a second in ten.',
  ],
  ['Window', 'The longest time that was seen between the read and the write.'],
  ['Kept apart', 'They meet, and a lock, a condition, a constraint or the isolation prevents harm.'],
  ['Replay', 'Both requests are run on a clone of the database, in every order that counts, and the end is compared.'],
]

const wordsOfJobs: readonly [string, string][] = [
  ['Queue', 'All jobs of one name, of all processes.'],
  [
    'Oldest ready',
    'How long the job that waits longest could have run already. Delayed jobs do not count before their time.',
  ],
  ['Paused', 'No worker takes jobs of this queue until it is resumed; running ones go on.'],
  ['Failed, died', 'Failed: an attempt ended with an error. Died: the last attempt did, and the job is a dead letter.'],
  ['Redrive', 'Sends dead letters again with all their attempts; their history stays with them.'],
  [
    'Progress',
    'What a long job tells of itself, written at most twice a second. It proves no more than that it was alive then.',
  ],
  [
    'Cancel',
    'A job that waits is taken out. One that runs is asked to end, and ends when its handler watches its signal.',
  ],
  ['Alive', 'The worker renewed itself within its lease. The jobs of one that did not are handed to others.'],
]

const wordsOfLocks: readonly [string, string][] = [
  ['Named lock', 'A key that one process holds, or several hold as shared, by createLocks().'],
  [
    'Lease',
    'So long others wait when the database hears nothing more of the holder. Each sign of life begins it anew; lapsed: there was none in time.',
  ],
  ['Fence', 'A number that rises with each holder of a key. What is written with a lower one is refused.'],
  ['Held by nobody', 'The first that waits asked for several keys at once, and another one of them is still held.'],
  ['Circle', 'Each holds what the next one wants. The youngest is ended within two seconds.'],
  [
    'Root',
    'A session that waits for nobody and makes others wait. Mostly it is idle in transaction: its code does something else before it commits.',
  ],
  ['Since, blocks', 'How long a session has waited, and how many wait behind it, directly or not.'],
  ['A row', 'It was changed or locked by a transaction that has not ended yet; the wait is for that end.'],
]

const wordsOfSagas: readonly [string, string][] = [
  ['Saga', 'A function of several steps that always ends: done, or undone, whoever dies meanwhile.'],
  ['Stuck', 'It waits for a person: an undo failed for good, a step after the pivot did, or its code does not fit.'],
  ['Being undone', 'It failed or was cancelled; its steps are taken back, the last one to begin first.'],
  ['Overdue', 'It could go on for more than 5 s, and no process has taken it.'],
  ['No code', 'No live process has registered this version, so that nothing becomes of its sagas.'],
  ['Parked', 'It waits for a signal, a time or the next attempt, and is a row meanwhile: no process has it.'],
  ['Pivot', 'From there on there is no way back: it can only go on, and is not undone.'],
  ['Refused, unknown', 'Refused: the other side said that it did nothing. Unknown: nobody can tell whether it did.'],
  ['Retry, skip undo', 'Retry: it goes on where it stood. Skip undo: a person has seen to that step, for good.'],
]

const words = {
  now: wordsOfNow,
  latency: wordsOfLatency,
  queries: wordsOfQueries,
  findings: wordsOfFindings,
  clash: wordsOfClash,
  jobs: wordsOfJobs,
  locks: wordsOfLocks,
  sagas: wordsOfSagas,
}[page]

const dialogId = 'glossary'

export function openGlossary(): void {
  const dialog = document.getElementById(dialogId)
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal()
}

export function Glossary() {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    document.addEventListener('keydown', openOnQuestionMark)
    return () => document.removeEventListener('keydown', openOnQuestionMark)
  }, [])
  return (
    <dialog id={dialogId} ref={dialog} aria-labelledby="glossary-title">
      <header>
        <h2 id="glossary-title">Words on this page</h2>
        <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      <dl>
        {words.map(([word, meaning]) => (
          <div key={word}>
            <dt>{word}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  )
}

function openOnQuestionMark(event: KeyboardEvent): void {
  if (event.key !== '?' || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return
  event.preventDefault()
  openGlossary()
}
