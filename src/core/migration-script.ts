import { describeGrants } from './grants.js'
import { checksumOf } from './migration-states.js'
import { migrations, packageVersion } from './migrations.gen.js'
import { catalog } from './schema.gen.js'
import { printRecord } from './store.js'

/** All migrations as one script for another migration tool, each followed by its own record, then the grants. */
export function printMigrations(only?: ReadonlySet<string>, grantTo: readonly string[] = []): string {
  const parts = migrations
    .filter(({ name }) => only === undefined || only.has(name))
    .map((file) => {
      const record = printRecord({ ...file, checksum: checksumOf(file), package: packageVersion, durationMs: 0 })
      // Outside of a transaction the limit would end the waits of CREATE INDEX CONCURRENTLY, which block nobody.
      if (file.noTransaction) return `-- ${file.name}\n${file.sql.trim()}\n\n${record}\n`
      return `-- ${file.name}\nbegin;\nset local lock_timeout = '3s';\n\n${file.sql.trim()}\n\n${record}\ncommit;\n`
    })
  if (grantTo.length > 0) parts.push(`-- grants\nbegin;\n${describeGrants(catalog, grantTo).join('\n')}\ncommit;\n`)
  return parts.join('\n')
}
