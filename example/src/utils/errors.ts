/** A field of the request that is wrong, as a path such as `seatIds.3`. */
export interface FieldProblem {
  path: string
  message: string
}

export interface BoxErrorInit {
  code: `BOX_${string}`
  status: number
  message: string
  /** One imperative sentence: what the caller can do about it. */
  fix: string
  /** Numbers and ids for programs; never a payload or personal data. */
  details?: Readonly<Record<string, unknown>>
  fields?: readonly FieldProblem[]
}

/** A refusal of the domain. Each module's errors are made by one function each, in its `model.ts`. */
export class BoxError extends Error {
  override readonly name = 'BoxError'
  readonly code: string
  readonly status: number
  readonly fix: string
  readonly details: Readonly<Record<string, unknown>>
  readonly fields: readonly FieldProblem[]

  constructor(init: BoxErrorInit) {
    super(init.message)
    this.code = init.code
    this.status = init.status
    this.fix = init.fix
    this.details = init.details ?? {}
    this.fields = init.fields ?? []
  }
}
