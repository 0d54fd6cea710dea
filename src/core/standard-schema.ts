const MOST_ISSUES = 5

/** Any schema library that speaks Standard Schema v1 (zod, valibot, arktype …). Source: standardschema.dev. */
export interface StandardSchema<Input, Output> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

type Path = readonly (PropertyKey | { readonly key: PropertyKey })[]

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: Path | undefined }[] }

/** What the schema makes of a value; where it does not fit, the paths at which: never the values there. */
export async function fitSchema<Output>(
  schema: StandardSchema<never, Output>,
  value: unknown,
): Promise<{ value: Output } | { paths: string[] }> {
  const result: SchemaResult<Output> = await schema['~standard'].validate(value)
  if (result.issues === undefined) return { value: result.value }
  return { paths: result.issues.slice(0, MOST_ISSUES).map(({ path }) => describePath(path)) }
}

function describePath(path: Path = []): string {
  if (path.length === 0) return '(the whole)'
  return path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
}
