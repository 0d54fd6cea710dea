import { sql, type Generated } from 'kysely'
import { kyselyCase, type ClashCase } from '../../corpus.js'

interface Tables {
  documents: { id: number; title: string; status: string; needed: number; owner: string; views: Generated<number> }
  approvals: { document_id: number; approver: string; at: Generated<Date> }
  releases: { id: Generated<number>; document_id: number; released_by: string }
}

const APPROVED = 'approved'

const approvals = kyselyCase<Tables>({
  name: 'document-approval',
  schema: `
    create table documents (
      id int primary key,
      title text not null,
      status text not null default 'in_review',
      needed int not null default 2,
      owner text not null,
      views int not null default 0
    );
    create table approvals (
      document_id int not null references documents,
      approver text not null,
      at timestamptz not null default now(),
      primary key (document_id, approver)
    );
    create table releases (id int generated always as identity primary key, document_id int not null references documents, released_by text not null);
  `,
  seed: `
    insert into documents (id, title, status, needed, owner) values
      (201, 'fire drill', 'in_review', 2, 'safety'), (202, 'travel rules', 'in_review', 2, 'finance'),
      (203, 'brand book', 'approved', 1, 'design'), (204, 'draft budget', 'draft', 2, 'finance'), (205, 'data policy', 'in_review', 2, 'legal');
    insert into approvals (document_id, approver) values (203, 'lead-one'), (205, 'lead-one');
  `,
  routes: {
    'POST /documents/:document/approvals': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const id = Number(input.document)
        const document = await trx.selectFrom('documents').selectAll().where('id', '=', id).executeTakeFirst()
        if (!document) return { status: 404 }
        if (document.status !== 'in_review') return { status: 409 }
        await trx
          .insertInto('approvals')
          .values({ document_id: id, approver: String(input.approver) })
          .onConflict((oc) => oc.columns(['document_id', 'approver']).doNothing())
          .execute()
        const given = await trx.selectFrom('approvals').select('approver').where('document_id', '=', id).execute()
        if (given.length >= document.needed) {
          await trx.updateTable('documents').set({ status: APPROVED }).where('id', '=', id).execute()
        }
        return { status: 201, body: { given: given.length } }
      }),
    'POST /documents/:document/sign': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const id = Number(input.document)
        const document = await trx
          .selectFrom('documents')
          .select(['status', 'needed'])
          .where('id', '=', id)
          .forNoKeyUpdate()
          .executeTakeFirst()
        if (!document) return { status: 404 }
        if (document.status !== 'in_review') return { status: 409 }
        await trx
          .insertInto('approvals')
          .values({ document_id: id, approver: String(input.approver) })
          .onConflict((oc) => oc.columns(['document_id', 'approver']).doNothing())
          .execute()
        const given = await trx.selectFrom('approvals').select('approver').where('document_id', '=', id).execute()
        if (given.length >= document.needed) {
          await trx.updateTable('documents').set({ status: APPROVED }).where('id', '=', id).execute()
        }
        return { status: 201, body: { given: given.length } }
      }),
    'POST /documents/:document/release': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const id = Number(input.document)
        const document = await trx
          .selectFrom('documents')
          .select(['id', 'status'])
          .where('id', '=', id)
          .executeTakeFirst()
        if (!document) return { status: 404 }
        if (document.status !== APPROVED) return { status: 409 }
        // Too late: what it guards was read above.
        await trx.selectFrom('documents').select('id').where('id', '=', id).forUpdate().execute()
        await trx.updateTable('documents').set({ status: 'released' }).where('id', '=', id).execute()
        await trx
          .insertInto('releases')
          .values({ document_id: id, released_by: String(input.by) })
          .execute()
        return { status: 201 }
      }),
    'PUT /documents/:document/title': async (db, input) => {
      const id = Number(input.document)
      const document = await db.selectFrom('documents').select('owner').where('id', '=', id).executeTakeFirst()
      if (!document) return { status: 404 }
      if (document.owner !== input.team) return { status: 403 }
      await db
        .updateTable('documents')
        .set({ title: String(input.title) })
        .where('id', '=', id)
        .execute()
      return { status: 200 }
    },
    'POST /documents/:document/handover': async (db, input) => {
      const id = Number(input.document)
      const document = await db.selectFrom('documents').select('owner').where('id', '=', id).executeTakeFirst()
      if (document?.owner !== input.team) return { status: 403 }
      await db
        .updateTable('documents')
        .set({ owner: String(input.to) })
        .where('id', '=', id)
        .execute()
      return { status: 200 }
    },
    'GET /documents/:document': async (db, input) => {
      const id = Number(input.document)
      const document = await db.selectFrom('documents').selectAll().where('id', '=', id).executeTakeFirst()
      if (!document) return { status: 404 }
      await db
        .updateTable('documents')
        .set({ views: sql<number>`views + 1` })
        .where('id', '=', id)
        .execute()
      return { status: 200, body: document }
    },
  },
  traffic: [
    ['GET /documents/:document', { document: 204 }],
    ['POST /documents/:document/approvals', { document: 201, approver: 'lead-two' }],
    ['POST /documents/:document/approvals', { document: 201, approver: 'lead-three' }],
    ['POST /documents/:document/approvals', { document: 201, approver: 'lead-four' }],
    ['POST /documents/:document/sign', { document: 205, approver: 'lead-one' }],
    ['POST /documents/:document/sign', { document: 205, approver: 'lead-four' }],
    ['POST /documents/:document/sign', { document: 204, approver: 'lead-four' }],
    ['POST /documents/:document/release', { document: 203, by: 'clerk-a' }],
    ['POST /documents/:document/release', { document: 203, by: 'clerk-b' }],
    ['PUT /documents/:document/title', { document: 202, team: 'finance', title: 'travel rules 2' }],
    ['PUT /documents/:document/title', { document: 202, team: 'design', title: 'ours' }],
    ['POST /documents/:document/handover', { document: 204, team: 'finance', to: 'board' }],
    ['POST /documents/:document/handover', { document: 204, team: 'finance', to: 'legal' }],
    ['GET /documents/:document', { document: 202 }],
  ],
  pairs: [
    {
      // Each counts its own approval only: the document stays in review.
      label: 'clash',
      kind: 'insert then count, no lock',
      first: ['POST /documents/:document/approvals', { document: 202, approver: 'lead-five' }],
      second: ['POST /documents/:document/approvals', { document: 202, approver: 'lead-six' }],
    },
    {
      label: 'safe',
      kind: 'parent row locked before insert and count',
      first: ['POST /documents/:document/sign', { document: 202, approver: 'lead-five' }],
      second: ['POST /documents/:document/sign', { document: 202, approver: 'lead-six' }],
    },
    {
      label: 'clash',
      kind: 'lock taken after the check',
      first: ['POST /documents/:document/release', { document: 203, by: 'clerk-c' }],
      second: ['POST /documents/:document/release', { document: 203, by: 'clerk-d' }],
    },
    {
      label: 'safe',
      kind: 'last writer wins after an owner check',
      first: ['PUT /documents/:document/title', { document: 205, team: 'legal', title: 'data policy A' }],
      second: ['PUT /documents/:document/title', { document: 205, team: 'legal', title: 'data policy B' }],
    },
    {
      label: 'clash',
      kind: 'owner read, then changed without a condition',
      first: ['POST /documents/:document/handover', { document: 201, team: 'safety', to: 'facilities' }],
      second: ['POST /documents/:document/handover', { document: 201, team: 'safety', to: 'people' }],
    },
    {
      label: 'safe',
      kind: 'view counter',
      first: ['GET /documents/:document', { document: 201 }],
      second: ['GET /documents/:document', { document: 201 }],
    },
  ],
})

export const cases: ClashCase[] = [approvals]
