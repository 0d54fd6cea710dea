import { expect, test } from 'vitest'
import { connectTo } from '../../src/core/index.js'
import { openTestDatabase, runAdmin } from '../helpers/database.js'

// Citus itself cannot be had from npm or Debian. What we read of it is its catalog of distributed tables; a table of
// the same name and shape stands in for it here. It was tried by hand only in the research behind the design.
test('unregistered tables beside distributed ones are refused, with the calls that register them', async () => {
  const box = await openTestDatabase()
  await runAdmin(box.ownerUrl, 'create table public.pg_dist_partition (logicalrelid regclass)')
  await runAdmin(box.ownerUrl, 'grant select on public.pg_dist_partition to public')
  const open = async () => await connectTo({ url: box.url })

  // A coordinator without distributed tables: nothing can be torn apart yet.
  await (await open()).close()

  await runAdmin(box.ownerUrl, 'create table public.events (id int)')
  await runAdmin(box.ownerUrl, `insert into public.pg_dist_partition values ('public.events')`)
  await expect(open()).rejects.toMatchObject({
    code: 'HF_CITUS_UNREGISTERED',
    fix: expect.stringContaining(`citus_add_local_table_to_metadata('holdfast.core_migrations')`) as string,
  })

  await runAdmin(
    box.ownerUrl,
    `insert into public.pg_dist_partition select c.oid from pg_class c
     where c.relnamespace = 'holdfast'::regnamespace and c.relkind in ('r', 'p')`,
  )
  await (await open()).close()
  await box.close()
})
