import type { ColumnType, Generated } from 'kysely'
import { type ClashCase, kyselyCase } from '../../corpus.js'

interface Tables {
  projects: {
    id: Generated<number>
    name: string
    archived: Generated<boolean>
  }
  tasks: {
    id: Generated<number>
    project_id: number
    title: string
    position: number
    assignee_id: number | null
    done: Generated<boolean>
    labels: ColumnType<string[], string | undefined, string>
    updated_at: ColumnType<Date, Date | undefined, Date>
  }
}

const tracker = kyselyCase<Tables>({
  name: 'task tracker on kysely',
  schema: `
    create table projects (
      id serial primary key,
      name text not null,
      archived boolean not null default false
    );
    create table tasks (
      id serial primary key,
      project_id int not null references projects (id),
      title text not null,
      position int not null,
      assignee_id int,
      done boolean not null default false,
      labels jsonb not null default '[]',
      updated_at timestamptz not null default now()
    );
  `,
  seed: `
    insert into projects (name, archived) values ('Website', false), ('App', false), ('Legacy', true);
    insert into tasks (project_id, title, position, assignee_id, labels) values
      (1, 'Logo', 1, null, '["design"]'), (1, 'Footer', 2, 4, '[]'), (1, 'Search', 3, null, '[]'),
      (2, 'Login', 1, 5, '["auth"]'), (2, 'Push', 2, null, '[]');
  `,
  routes: {
    'POST /projects/:id/tasks': async (db, input) => {
      const projectId = Number(input.id)
      const project = await db.selectFrom('projects').selectAll().where('id', '=', projectId).executeTakeFirst()
      if (!project) return { status: 404 }
      if (project.archived) return { status: 409, body: { error: 'The project is archived' } }
      const { last } = await db
        .selectFrom('tasks')
        .select((eb) => eb.fn.max('position').as('last'))
        .where('project_id', '=', projectId)
        .executeTakeFirstOrThrow()
      const task = await db
        .insertInto('tasks')
        .values({ project_id: projectId, title: String(input.title), position: (last ?? 0) + 1, assignee_id: null })
        .returning(['id', 'position'])
        .executeTakeFirstOrThrow()
      return { status: 201, body: task }
    },

    'POST /tasks/:id/take': async (db, input) => {
      const id = Number(input.id)
      const task = await db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst()
      if (!task) return { status: 404 }
      if (task.assignee_id !== null) return { status: 409, body: { error: 'Somebody has this task' } }
      await db
        .updateTable('tasks')
        .set({ assignee_id: Number(input.userId), updated_at: new Date() })
        .where('id', '=', id)
        .execute()
      return { status: 200 }
    },

    'POST /tasks/:id/claim': async (db, input) => {
      const id = Number(input.id)
      const task = await db.selectFrom('tasks').select('id').where('id', '=', id).executeTakeFirst()
      if (!task) return { status: 404 }
      const claimed = await db
        .updateTable('tasks')
        .set({ assignee_id: Number(input.userId), updated_at: new Date() })
        .where('id', '=', id)
        .where('assignee_id', 'is', null)
        .returningAll()
        .executeTakeFirst()
      if (!claimed) return { status: 409, body: { error: 'Somebody has this task' } }
      return { status: 200, body: claimed }
    },

    'POST /tasks/:id/toggle': async (db, input) => {
      const id = Number(input.id)
      const task = await db.selectFrom('tasks').select(['id', 'done']).where('id', '=', id).executeTakeFirst()
      if (!task) return { status: 404 }
      await db.updateTable('tasks').set({ done: !task.done }).where('id', '=', id).execute()
      return { status: 200, body: { done: !task.done } }
    },

    'POST /tasks/:id/flip': async (db, input) => {
      const task = await db
        .updateTable('tasks')
        .set((eb) => ({ done: eb.not('done') }))
        .where('id', '=', Number(input.id))
        .returning('done')
        .executeTakeFirst()
      return task ? { status: 200, body: task } : { status: 404 }
    },

    'POST /tasks/:id/labels': async (db, input) => {
      const id = Number(input.id)
      const label = String(input.label)
      const task = await db.selectFrom('tasks').select('labels').where('id', '=', id).executeTakeFirst()
      if (!task) return { status: 404 }
      if (task.labels.includes(label)) return { status: 200 }
      await db
        .updateTable('tasks')
        .set({ labels: JSON.stringify([...task.labels, label]) })
        .where('id', '=', id)
        .execute()
      return { status: 201 }
    },

    'PATCH /tasks/:id': async (db, input) => {
      const id = Number(input.id)
      const task = await db.selectFrom('tasks').select(['id', 'assignee_id']).where('id', '=', id).executeTakeFirst()
      if (!task) return { status: 404 }
      if (task.assignee_id !== input.userId) return { status: 403 }
      await db
        .updateTable('tasks')
        .set({
          title: input.title as string | undefined,
          done: input.done as boolean | undefined,
          updated_at: new Date(),
        })
        .where('id', '=', id)
        .execute()
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /projects/:id/tasks', { id: 2, title: 'Dark mode' }],
    ['POST /projects/:id/tasks', { id: 3, title: 'Never' }],
    ['POST /tasks/:id/take', { id: 3, userId: 6 }],
    ['POST /tasks/:id/take', { id: 2, userId: 6 }],
    ['POST /tasks/:id/claim', { id: 5, userId: 7 }],
    ['POST /tasks/:id/claim', { id: 2, userId: 7 }],
    ['POST /tasks/:id/claim', { id: 99, userId: 7 }],
    ['POST /tasks/:id/toggle', { id: 4 }],
    ['POST /tasks/:id/flip', { id: 4 }],
    ['POST /tasks/:id/flip', { id: 2 }],
    ['POST /tasks/:id/labels', { id: 4, label: 'urgent' }],
    ['POST /tasks/:id/labels', { id: 4, label: 'auth' }],
    ['PATCH /tasks/:id', { id: 4, userId: 5, title: 'Log in' }],
    ['PATCH /tasks/:id', { id: 4, userId: 6, title: 'Sign in' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'the next position, twice',
      first: ['POST /projects/:id/tasks', { id: 1, title: 'Header' }],
      second: ['POST /projects/:id/tasks', { id: 1, title: 'Sidebar' }],
    },
    {
      label: 'clash',
      kind: 'taken by two',
      first: ['POST /tasks/:id/take', { id: 1, userId: 8 }],
      second: ['POST /tasks/:id/take', { id: 1, userId: 9 }],
    },
    {
      label: 'safe',
      kind: 'conditional update after a check of existence',
      first: ['POST /tasks/:id/claim', { id: 1, userId: 8 }],
      second: ['POST /tasks/:id/claim', { id: 1, userId: 9 }],
    },
    {
      label: 'clash',
      kind: 'lost toggle',
      first: ['POST /tasks/:id/toggle', { id: 2 }],
      second: ['POST /tasks/:id/toggle', { id: 2 }],
    },
    {
      label: 'safe',
      kind: 'toggled in the update',
      first: ['POST /tasks/:id/flip', { id: 2 }],
      second: ['POST /tasks/:id/flip', { id: 2 }],
    },
    {
      label: 'clash',
      kind: 'lost element of a json array',
      first: ['POST /tasks/:id/labels', { id: 1, label: 'urgent' }],
      second: ['POST /tasks/:id/labels', { id: 1, label: 'print' }],
    },
    {
      label: 'safe',
      kind: 'partial update of other columns after a check of the owner',
      first: ['PATCH /tasks/:id', { id: 2, userId: 4, title: 'Foot' }],
      second: ['PATCH /tasks/:id', { id: 2, userId: 4, done: true }],
    },
  ],
})

export const cases: ClashCase[] = [tracker]
