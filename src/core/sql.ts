/** A piece of SQL with its parameters; the tag itself is made elsewhere. */
export interface SqlFragment {
  readonly text: string
  readonly values: readonly unknown[]
}
