import { defineErrors, type ErrorTable } from '../core/index.js'

export const sagasErrors = {
  HF_SAGAS_NAME: {
    summary: 'A saga or a step has no usable name, or a version that is no number.',
    when: 'Names have 1 to 80 printable ASCII characters, versions are whole numbers from 1; two definitions must not share both.',
    fix: 'Give each saga a name and a version, and each step a name of its own.',
    exitCode: 2,
  },
  HF_SAGAS_ID: {
    summary: 'An id of a saga is empty, too long, or not printable.',
    when: 'Ids have 1 to 150 printable ASCII characters, because the keys of their steps are made of them. Nothing was started.',
    fix: 'Use what the saga is about, such as `order:7`, or leave it out.',
    status: 400,
  },
  HF_SAGAS_ID_REUSED: {
    summary: 'An id came a second time with another input, or for another saga.',
    when: 'The saga under this id was started for something else. Nothing was started.',
    fix: 'Use a new id for each new intent; only a retry of the very same start may repeat one.',
    status: 409,
  },
  HF_SAGAS_UNKNOWN: {
    summary: 'A saga was started that this process does not know.',
    when: '`createSagas` was not given this definition. Nothing was started.',
    fix: 'Add it to the `sagas` of `createSagas`.',
    exitCode: 2,
  },
  HF_SAGAS_INPUT_INVALID: {
    summary: 'An input does not fit its schema, or cannot be JSON.',
    when: 'Thrown before anything is written.',
    fix: 'Pass plain data that fits the schema.',
    status: 400,
  },
  HF_SAGAS_RESULT_INVALID: {
    summary: 'What a step or a saga returned cannot be stored as JSON.',
    when: 'It is a function, a cycle, a BigInt, or holds a character that jsonb cannot. A tx step has been rolled back; of a call nobody can tell what it did.',
    fix: 'Return plain data, such as the id of what was made.',
  },
  HF_SAGAS_TOO_LARGE: {
    summary: 'An input, a result or a signal is too large.',
    when: 'Its JSON has more bytes than `maxBytes` (default 256 KiB).',
    fix: 'Keep it in a table or in object storage and pass its id, or raise `maxBytes`.',
    status: 413,
  },
  HF_SAGAS_STEP_DUPLICATE: {
    summary: 'Two steps of a saga have one name.',
    when: 'A step is found again by its name. The saga is undone.',
    fix: 'Give each a name of its own; in a loop put the item into it.',
  },
  HF_SAGAS_STEP_TIMEOUT: {
    summary: 'An attempt at a step took longer than it may.',
    when: 'Its signal was aborted; what it did at the other side is unknown. It is tried again with the same key, while attempts are left.',
    fix: 'Pass the signal on, make the other side faster, or raise `timeoutMs`.',
    retryable: true,
  },
  HF_SAGAS_STEP_THREW: {
    summary: 'A step threw something that is no error.',
    when: 'Of a thrown value only its type is kept.',
    fix: 'Throw an Error.',
  },
  HF_SAGAS_WAIT_TIMEOUT: {
    summary: 'A signal did not come in time.',
    when: 'Thrown by `waitFor` after its `timeoutMs`; unless it is caught, the saga is undone.',
    fix: 'Catch it where there is another way, or wait longer.',
  },
  HF_SAGAS_TIMEOUT: {
    summary: 'A saga took longer than it may.',
    when: 'Its `timeoutMs` since the start is over: it is undone, or after its pivot stuck.',
    fix: 'Look what it waits for; raise `timeoutMs` where that is in order.',
  },
  HF_SAGAS_STALLED: {
    summary: 'A saga awaits something that is no step.',
    when: 'No step of it was under way for `stallMs` (default 10 s), and its function has not ended. It is stuck: nothing tells what it waits for.',
    fix: 'Await nothing but steps in the function; put everything else into one. Then `retry` it.',
  },
  HF_SAGAS_CODE_CHANGED: {
    summary: 'The code of a saga does not fit its history any more.',
    when: 'The function took other steps, or in another order, than those that are recorded for this version. It is stuck; nothing was done or undone.',
    fix: 'Register the old code beside the new one, with its own version, then `retry` it.',
  },
  HF_SAGAS_CRASHING: {
    summary: 'Processes die with a saga, time after time.',
    when: 'So many owners died without a step being recorded. It is stuck, so that it cannot take every instance with it.',
    fix: 'Find out what the named step does to its process, then `retry` the saga.',
  },
  HF_SAGAS_CANCELLED: {
    summary: 'Somebody cancelled a saga.',
    when: 'It is, or was, undone.',
    fix: 'Nothing is to be done.',
  },
  HF_SAGAS_COMPENSATED: {
    summary: 'A saga failed and was undone.',
    when: 'Thrown by `result`; its message and `details` name the reason.',
    fix: 'See its reason; start another one with another id if it is to be tried again.',
    status: 409,
  },
  HF_SAGAS_UNDOING: {
    summary: 'A saga failed and is being undone.',
    when: "Thrown by `result` with `until: 'decided'`; its message and `details` name the reason. What was done is not all taken back yet.",
    fix: 'Tell whoever waits that it came to nothing; `get` says when it has been undone, or is stuck.',
    status: 409,
  },
  HF_SAGAS_STUCK: {
    summary: 'A saga is stuck and waits for a person.',
    when: 'A step after the pivot or an undo used up its attempts, or its code does not fit. What was done stays done.',
    fix: 'See its reason, then `retry` it, or `skipUndo` the step that was seen to by hand.',
  },
  HF_SAGAS_PENDING: {
    summary: 'A saga has not ended yet.',
    when: 'Thrown by `result` after `waitMs`. The saga goes on.',
    fix: 'Ask again later, or wait longer.',
    retryable: true,
    status: 503,
  },
  HF_SAGAS_PIVOTED: {
    summary: 'A saga cannot be undone any more.',
    when: 'It is past its pivot: it can only go on.',
    fix: 'Let it end, then start what makes up for it.',
    status: 409,
  },
  HF_SAGAS_NOT_STUCK: {
    summary: 'The undoing of a step cannot be skipped.',
    when: 'The saga is not stuck in undoing, or has no step of this name that is still to be undone. Nothing was changed.',
    fix: 'See which steps it has and how they stand.',
    status: 409,
  },
  HF_SAGAS_NOT_FOUND: {
    summary: 'There is no saga with this id.',
    when: 'It never was, or ended longer ago than it is kept.',
    fix: 'Check the id.',
    status: 404,
  },
} as const satisfies ErrorTable

export const sagasError = defineErrors(sagasErrors)
