import { EntitySchema, IsNull, OptimisticLockVersionMismatchError } from 'typeorm'
import { type ClashCase, typeormCase } from '../../corpus.js'

interface User {
  id: number
  name: string
  phone: string
  lastSeenAt: Date | null
}
const UserEntity = new EntitySchema<User>({
  name: 'User',
  tableName: 'users',
  columns: {
    id: { type: 'int', primary: true, generated: true },
    name: { type: 'text' },
    phone: { type: 'text' },
    lastSeenAt: { type: 'timestamptz', name: 'last_seen_at', nullable: true },
  },
})

const profile = typeormCase([UserEntity], {
  name: 'idioms typeorm profile',
  schema: `create table users (id serial primary key, name text not null, phone text not null, last_seen_at timestamptz)`,
  seed: `insert into users (name, phone) values ('ada', '100'), ('bob', '200'), ('cyd', '300')`,
  routes: {
    'PATCH /users/:id': async (db, input) => {
      const { id, ...changes } = input as Partial<User> & { id: number }
      const users = db.getRepository(UserEntity)
      const user = await users.findOneBy({ id })
      if (!user) return { status: 404 }
      Object.assign(user, changes)
      return { status: 200, body: await users.save(user) }
    },
    'PUT /users/:id/phone': async (db, input) => {
      const { id, phone } = input as { id: number; phone: string }
      const users = db.getRepository(UserEntity)
      if (!(await users.existsBy({ id }))) return { status: 404 }
      await users.update(id, { phone })
      return { status: 200 }
    },
    'PUT /users/:id/name': async (db, input) => {
      const { id, name } = input as { id: number; name: string }
      const result = await db.getRepository(UserEntity).update({ id }, { name })
      return { status: result.affected ? 200 : 404 }
    },
    'POST /users/:id/heartbeat': async (db, input) => {
      const users = db.getRepository(UserEntity)
      const user = await users.findOneBy({ id: input.id as number })
      if (!user) return { status: 401 }
      await users.update(user.id, { lastSeenAt: new Date() })
      return { status: 204 }
    },
  },
  traffic: [
    ['PATCH /users/:id', { id: 2, name: 'Bob' }],
    ['PATCH /users/:id', { id: 3, phone: '301', name: 'Cyd' }],
    ['PATCH /users/:id', { id: 30, phone: '301' }],
    ['PUT /users/:id/phone', { id: 2, phone: '222' }],
    ['PUT /users/:id/phone', { id: 20, phone: '222' }],
    ['PUT /users/:id/name', { id: 3, name: 'C.' }],
    ['PUT /users/:id/name', { id: 31, name: 'C.' }],
    ['POST /users/:id/heartbeat', { id: 1 }],
    ['POST /users/:id/heartbeat', { id: 2 }],
    ['POST /users/:id/heartbeat', { id: 40 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'find and save writes back a column that another request changed',
      first: ['PATCH /users/:id', { id: 1, name: 'Ada L.' }],
      second: ['PATCH /users/:id', { id: 1, phone: '111' }],
    },
    {
      label: 'safe',
      kind: 'each updates its own column',
      first: ['PUT /users/:id/name', { id: 1, name: 'Ada L.' }],
      second: ['PUT /users/:id/phone', { id: 1, phone: '111' }],
    },
    {
      label: 'safe',
      kind: 'last seen',
      first: ['POST /users/:id/heartbeat', { id: 1 }],
      second: ['PUT /users/:id/phone', { id: 1, phone: '111' }],
    },
  ],
})

interface Article {
  id: string
  body: string
  version: number
}
const ArticleEntity = new EntitySchema<Article>({
  name: 'Article',
  tableName: 'articles',
  columns: {
    id: { type: 'text', primary: true },
    body: { type: 'text' },
    version: { type: 'int', version: true },
  },
})

const wiki = typeormCase([ArticleEntity], {
  name: 'idioms typeorm wiki version column',
  schema: `create table articles (id text primary key, body text not null, version int not null default 1)`,
  seed: `insert into articles values ('home', 'welcome', 4), ('faq', 'why', 1), ('rules', 'be kind', 2)`,
  routes: {
    'PUT /articles/:id': async (db, input) => {
      const { id, body, version } = input as unknown as Article
      const articles = db.getRepository(ArticleEntity)
      const article = await articles.findOneBy({ id })
      if (!article) return { status: 404 }
      if (article.version !== version) return { status: 409 }
      article.body = body
      await articles.save(article)
      return { status: 200 }
    },
    'PUT /v2/articles/:id': async (db, input) => {
      const { id, body, version } = input as unknown as Article
      const result = await db
        .createQueryBuilder()
        .update(ArticleEntity)
        .set({ body, version: () => 'version + 1' })
        .where('id = :id AND version = :version', { id, version })
        .execute()
      return { status: result.affected ? 200 : 409 }
    },
    'PUT /locked/articles/:id': async (db, input) => {
      const { id, body, version } = input as unknown as Article
      const articles = db.getRepository(ArticleEntity)
      try {
        const article = await articles.findOne({ where: { id }, lock: { mode: 'optimistic', version } })
        if (!article) return { status: 404 }
        await articles.save({ ...article, body })
        return { status: 200 }
      } catch (error) {
        if (error instanceof OptimisticLockVersionMismatchError) return { status: 409 }
        throw error
      }
    },
  },
  traffic: [
    ['PUT /articles/:id', { id: 'faq', body: 'because', version: 1 }],
    ['PUT /articles/:id', { id: 'faq', body: 'why not', version: 1 }],
    ['PUT /articles/:id', { id: 'lost', body: '', version: 1 }],
    ['PUT /v2/articles/:id', { id: 'faq', body: 'so', version: 2 }],
    ['PUT /v2/articles/:id', { id: 'faq', body: 'so', version: 2 }],
    ['PUT /v2/articles/:id', { id: 'rules', body: 'be kinder', version: 2 }],
    ['PUT /locked/articles/:id', { id: 'rules', body: 'be calm', version: 3 }],
    ['PUT /locked/articles/:id', { id: 'rules', body: 'be loud', version: 3 }],
    ['PUT /locked/articles/:id', { id: 'lost', body: '', version: 3 }],
    ['PUT /articles/:id', { id: 'rules', body: 'be brief', version: 4 }],
    ['PUT /locked/articles/:id', { id: 'faq', body: 'hm', version: 3 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'version column bumped, not compared',
      first: ['PUT /articles/:id', { id: 'home', body: 'from ada', version: 4 }],
      second: ['PUT /articles/:id', { id: 'home', body: 'from bob', version: 4 }],
    },
    {
      label: 'safe',
      kind: 'version compared in the update',
      first: ['PUT /v2/articles/:id', { id: 'home', body: 'from ada', version: 4 }],
      second: ['PUT /v2/articles/:id', { id: 'home', body: 'from bob', version: 4 }],
    },
    {
      label: 'clash',
      kind: 'optimistic lock that is compared only at the read',
      first: ['PUT /locked/articles/:id', { id: 'home', body: 'from ada', version: 4 }],
      second: ['PUT /locked/articles/:id', { id: 'home', body: 'from bob', version: 4 }],
    },
  ],
})

interface Post {
  id: number
  title: string
  commentCount: number
}
interface PostComment {
  id: number
  postId: number
  text: string
}
const PostEntity = new EntitySchema<Post>({
  name: 'Post',
  tableName: 'posts',
  columns: {
    id: { type: 'int', primary: true },
    title: { type: 'text' },
    commentCount: { type: 'int', name: 'comment_count', default: 0 },
  },
})
const CommentEntity = new EntitySchema<PostComment>({
  name: 'Comment',
  tableName: 'comments',
  columns: {
    id: { type: 'int', primary: true, generated: true },
    postId: { type: 'int', name: 'post_id' },
    text: { type: 'text' },
  },
})

const comments = typeormCase([PostEntity, CommentEntity], {
  name: 'idioms typeorm comment counter',
  schema: `
    create table posts (id int primary key, title text not null, comment_count int not null default 0);
    create table comments (id serial primary key, post_id int not null references posts, text text not null)`,
  seed: `
    insert into posts values (1, 'first', 1), (2, 'second', 0), (3, 'third', 0);
    insert into comments (post_id, text) values (1, 'nice')`,
  routes: {
    'POST /posts/:id/comments': async (db, input) => {
      const { id, text } = input as { id: number; text: string }
      if (text.length === 0) return { status: 400 }
      const post = await db.getRepository(PostEntity).findOne({ where: { id } })
      if (!post) return { status: 404 }
      const comment = await db.getRepository(CommentEntity).save({ postId: id, text })
      post.commentCount += 1
      await db.getRepository(PostEntity).save(post)
      return { status: 201, body: comment }
    },
    'POST /v2/posts/:id/comments': async (db, input) => {
      const { id, text } = input as { id: number; text: string }
      if (!(await db.getRepository(PostEntity).findOneBy({ id }))) return { status: 404 }
      const comment = await db.transaction(async (manager) => {
        const comment = await manager.save(CommentEntity, { postId: id, text })
        await manager.increment(PostEntity, { id }, 'commentCount', 1)
        return comment
      })
      return { status: 201, body: comment }
    },
    'DELETE /v2/comments': async (db, input) => {
      const { id, text } = input as { id: number; text: string }
      return await db.transaction(async (manager) => {
        const removed = await manager.delete(CommentEntity, { postId: id, text })
        if (!removed.affected) return { status: 404 }
        await manager.decrement(PostEntity, { id }, 'commentCount', removed.affected)
        return { status: 204 }
      })
    },
  },
  traffic: [
    ['POST /posts/:id/comments', { id: 2, text: 'hm' }],
    ['POST /posts/:id/comments', { id: 3, text: 'ok' }],
    ['POST /posts/:id/comments', { id: 3, text: '' }],
    ['POST /posts/:id/comments', { id: 30, text: 'ok' }],
    ['POST /v2/posts/:id/comments', { id: 2, text: 'yes' }],
    ['POST /v2/posts/:id/comments', { id: 3, text: 'no' }],
    ['POST /v2/posts/:id/comments', { id: 31, text: 'no' }],
    ['DELETE /v2/comments', { id: 3, text: 'no' }],
    ['DELETE /v2/comments', { id: 3, text: 'no' }],
    ['DELETE /v2/comments', { id: 2, text: 'yes' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'counter of an entity',
      first: ['POST /posts/:id/comments', { id: 1, text: 'from ada' }],
      second: ['POST /posts/:id/comments', { id: 1, text: 'from bob' }],
    },
    {
      label: 'safe',
      kind: 'increment',
      first: ['POST /v2/posts/:id/comments', { id: 1, text: 'from ada' }],
      second: ['POST /v2/posts/:id/comments', { id: 1, text: 'from bob' }],
    },
    {
      label: 'safe',
      kind: 'decrement only by the one who deleted',
      first: ['DELETE /v2/comments', { id: 1, text: 'nice' }],
      second: ['DELETE /v2/comments', { id: 1, text: 'nice' }],
    },
  ],
})

interface ResetToken {
  token: string
  userId: number
  usedAt: Date | null
}
interface Credential {
  userId: number
  passwordHash: string
}
const TokenEntity = new EntitySchema<ResetToken>({
  name: 'ResetToken',
  tableName: 'reset_tokens',
  columns: {
    token: { type: 'text', primary: true },
    userId: { type: 'int', name: 'user_id' },
    usedAt: { type: 'timestamptz', name: 'used_at', nullable: true },
  },
})
const CredentialEntity = new EntitySchema<Credential>({
  name: 'Credential',
  tableName: 'credentials',
  columns: {
    userId: { type: 'int', name: 'user_id', primary: true },
    passwordHash: { type: 'text', name: 'password_hash' },
  },
})

const passwordReset = typeormCase([TokenEntity, CredentialEntity], {
  name: 'idioms typeorm password reset',
  schema: `
    create table credentials (user_id int primary key, password_hash text not null);
    create table reset_tokens (token text primary key, user_id int not null references credentials, used_at timestamptz)`,
  seed: `
    insert into credentials values (1, 'h1'), (2, 'h2'), (3, 'h3');
    insert into reset_tokens values
      ('t-ada', 1, null), ('t-bob', 2, null), ('t-bob-2', 2, null), ('t-old', 3, '2026-01-01T00:00Z'), ('t-cyd', 3, null)`,
  routes: {
    'POST /password/reset': async (db, input) => {
      const { token, passwordHash } = input as { token: string; passwordHash: string }
      const tokens = db.getRepository(TokenEntity)
      const reset = await tokens.findOneBy({ token })
      if (!reset || reset.usedAt) return { status: 410 }
      await db.getRepository(CredentialEntity).update({ userId: reset.userId }, { passwordHash })
      reset.usedAt = new Date()
      await tokens.save(reset)
      return { status: 200 }
    },
    'POST /v2/password/reset': async (db, input) => {
      const { token, passwordHash } = input as { token: string; passwordHash: string }
      return await db.transaction(async (manager) => {
        const used = await manager.update(TokenEntity, { token, usedAt: IsNull() }, { usedAt: new Date() })
        if (used.affected !== 1) return { status: 410 }
        const reset = await manager.findOneByOrFail(TokenEntity, { token })
        await manager.update(CredentialEntity, { userId: reset.userId }, { passwordHash })
        return { status: 200 }
      })
    },
    'PUT /password': async (db, input) => {
      const { userId, current, passwordHash } = input as { userId: number; current: string; passwordHash: string }
      const credentials = db.getRepository(CredentialEntity)
      const credential = await credentials.findOneBy({ userId })
      if (credential?.passwordHash !== current) return { status: 403 }
      await credentials.save({ ...credential, passwordHash })
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /password/reset', { token: 't-bob', passwordHash: 'h2b' }],
    ['POST /password/reset', { token: 't-bob', passwordHash: 'h2c' }],
    ['POST /password/reset', { token: 't-none', passwordHash: 'h2c' }],
    ['POST /v2/password/reset', { token: 't-old', passwordHash: 'h3b' }],
    ['POST /v2/password/reset', { token: 't-bob-2', passwordHash: 'h2d' }],
    ['POST /v2/password/reset', { token: 't-cyd', passwordHash: 'h3c' }],
    ['POST /password/reset', { token: 't-cyd', passwordHash: 'h3d' }],
    ['PUT /password', { userId: 2, current: 'h2d', passwordHash: 'h2e' }],
    ['PUT /password', { userId: 2, current: 'h2d', passwordHash: 'h2f' }],
    ['PUT /password', { userId: 3, current: 'h3c', passwordHash: 'h3g' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'token used twice',
      first: ['POST /password/reset', { token: 't-ada', passwordHash: 'from-ada' }],
      second: ['POST /password/reset', { token: 't-ada', passwordHash: 'from-eve' }],
    },
    {
      label: 'safe',
      kind: 'conditional update first',
      first: ['POST /v2/password/reset', { token: 't-ada', passwordHash: 'from-ada' }],
      second: ['POST /v2/password/reset', { token: 't-ada', passwordHash: 'from-eve' }],
    },
    {
      label: 'clash',
      kind: 'old value checked, then overwritten',
      first: ['PUT /password', { userId: 1, current: 'h1', passwordHash: 'h1-new' }],
      second: ['PUT /password', { userId: 1, current: 'h1', passwordHash: 'h1-other' }],
    },
  ],
})

export const cases: ClashCase[] = [profile, wiki, comments, passwordReset]
