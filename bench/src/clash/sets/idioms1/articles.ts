import { type ClashCase, pgCase } from '../../corpus.js'

interface Article {
  id: number
  title: string
  body: string
  version: number
  deleted_at: Date | null
}

const blog = pgCase({
  name: 'blog on pg',
  schema: `
    create table articles (
      id serial primary key,
      author_id int not null,
      title text not null,
      body text not null,
      likes int not null default 0,
      version int not null default 1,
      comments_open boolean not null default true,
      deleted_at timestamptz
    );
    create table comments (
      id serial primary key,
      article_id int not null,
      author text not null,
      body text not null
    );
    create table likes (
      article_id int not null references articles (id),
      user_id int not null,
      primary key (article_id, user_id)
    );
  `,
  seed: `
    insert into articles (author_id, title, body, comments_open, deleted_at) values
      (1, 'Hello', 'First post', true, null), (1, 'Closed', 'No comments', false, null),
      (2, 'Gone', 'Removed', true, '2026-01-01'), (2, 'Trains', 'On rails', true, null);
    insert into comments (article_id, author, body) values (1, 'ann', 'Nice'), (4, 'bob', 'Choo');
  `,
  routes: {
    'PUT /articles/:id': async (db, input) => {
      const { rows } = await db.query<Article>('SELECT * FROM articles WHERE id = $1 AND deleted_at IS NULL', [
        input.id,
      ])
      const article = rows[0]
      if (!article) return { status: 404 }
      if (article.version !== input.version) return { status: 409, body: { current: article.version } }
      await db.query('UPDATE articles SET title = $1, body = $2, version = version + 1 WHERE id = $3', [
        input.title,
        input.body,
        article.id,
      ])
      return { status: 200 }
    },

    'PUT /articles/:id/body': async (db, input) => {
      const { rows } = await db.query<Article>('SELECT id, version FROM articles WHERE id = $1', [input.id])
      if (!rows[0]) return { status: 404 }
      const saved = await db.query(
        'UPDATE articles SET body = $1, version = version + 1 WHERE id = $2 AND version = $3',
        [input.body, input.id, input.version],
      )
      if (saved.rowCount === 0) return { status: 409, body: { error: 'Somebody else edited this article' } }
      return { status: 200 }
    },

    'POST /articles/:id/comments': async (db, input) => {
      const { rows } = await db.query<{ comments_open: boolean; deleted_at: Date | null }>(
        'SELECT comments_open, deleted_at FROM articles WHERE id = $1',
        [input.id],
      )
      const article = rows[0]
      if (!article || article.deleted_at) return { status: 404 }
      if (!article.comments_open) return { status: 403, body: { error: 'Comments are closed' } }
      await db.query('INSERT INTO comments (article_id, author, body) VALUES ($1, $2, $3)', [
        input.id,
        input.author,
        input.body,
      ])
      return { status: 201 }
    },

    'POST /articles/:id/close': async (db, input) => {
      const closed = await db.query('UPDATE articles SET comments_open = false WHERE id = $1 AND author_id = $2', [
        input.id,
        input.userId,
      ])
      return { status: closed.rowCount === 0 ? 404 : 200 }
    },

    'DELETE /articles/:id': async (db, input) => {
      const client = await db.connect()
      try {
        await client.query('BEGIN')
        const deleted = await client.query(
          'UPDATE articles SET deleted_at = now() WHERE id = $1 AND author_id = $2 AND deleted_at IS NULL',
          [input.id, input.userId],
        )
        await client.query('DELETE FROM comments WHERE article_id = $1', [input.id])
        await client.query(deleted.rowCount === 0 ? 'ROLLBACK' : 'COMMIT')
        return { status: deleted.rowCount === 0 ? 404 : 204 }
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      } finally {
        client.release()
      }
    },

    'POST /articles/:id/like': async (db, input) => {
      const client = await db.connect()
      try {
        await client.query('BEGIN')
        const inserted = await client.query(
          'INSERT INTO likes (article_id, user_id) VALUES ($1, $2) ON CONFLICT (article_id, user_id) DO NOTHING',
          [input.id, input.userId],
        )
        if (inserted.rowCount === 1) {
          await client.query('UPDATE articles SET likes = likes + 1 WHERE id = $1', [input.id])
        }
        await client.query('COMMIT')
        return { status: inserted.rowCount === 1 ? 201 : 200 }
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      } finally {
        client.release()
      }
    },
  },
  traffic: [
    ['PUT /articles/:id', { id: 4, version: 1, title: 'Trains', body: 'On tracks' }],
    ['PUT /articles/:id', { id: 4, version: 1, title: 'Trains', body: 'On wheels' }],
    ['PUT /articles/:id', { id: 3, version: 1, title: 'Gone', body: 'Back' }],
    ['PUT /articles/:id/body', { id: 2, version: 1, body: 'Still none' }],
    ['PUT /articles/:id/body', { id: 2, version: 1, body: 'Really none' }],
    ['POST /articles/:id/comments', { id: 1, author: 'cy', body: 'Welcome' }],
    ['POST /articles/:id/comments', { id: 2, author: 'cy', body: 'Why closed?' }],
    ['POST /articles/:id/comments', { id: 3, author: 'cy', body: 'Where is it?' }],
    ['POST /articles/:id/close', { id: 2, userId: 1 }],
    ['POST /articles/:id/close', { id: 1, userId: 2 }],
    ['POST /articles/:id/like', { id: 4, userId: 7 }],
    ['POST /articles/:id/like', { id: 4, userId: 7 }],
    ['DELETE /articles/:id', { id: 4, userId: 2 }],
    ['DELETE /articles/:id', { id: 1, userId: 2 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'a version that is bumped and not compared by the update',
      first: ['PUT /articles/:id', { id: 1, version: 1, title: 'Hello', body: 'First edit' }],
      second: ['PUT /articles/:id', { id: 1, version: 1, title: 'Hello', body: 'Second edit' }],
    },
    {
      label: 'safe',
      kind: 'a version that the update compares',
      first: ['PUT /articles/:id/body', { id: 1, version: 1, body: 'First edit' }],
      second: ['PUT /articles/:id/body', { id: 1, version: 1, body: 'Second edit' }],
    },
    {
      label: 'clash',
      kind: 'a comment of a deleted article',
      first: ['POST /articles/:id/comments', { id: 1, author: 'dee', body: 'Late' }],
      second: ['DELETE /articles/:id', { id: 1, userId: 1 }],
    },
    {
      label: 'safe',
      kind: 'as if the comment had come first',
      first: ['POST /articles/:id/comments', { id: 1, author: 'dee', body: 'Late' }],
      second: ['POST /articles/:id/close', { id: 1, userId: 1 }],
    },
    {
      label: 'safe',
      kind: 'insert on conflict do nothing',
      first: ['POST /articles/:id/like', { id: 1, userId: 5 }],
      second: ['POST /articles/:id/like', { id: 1, userId: 5 }],
    },
  ],
})

export const cases: ClashCase[] = [blog]
