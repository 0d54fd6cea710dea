import { EntitySchema, QueryFailedError } from 'typeorm'
import { typeormCase, type ClashCase } from '../../corpus.js'

interface Article {
  id: number
  authorId: number
  title: string
  body: string
  status: string
  likes: number
  views: number
  version: number
}

interface Page {
  id: number
  ownerId: number
  title: string
  content: string
  revision: number
}

interface Tag {
  id: number
  name: string
}

interface Notice {
  id: number
  articleId: number
  kind: string
}

interface Bookmark {
  userId: number
  articleId: number
  note: string
}

const ArticleEntity = new EntitySchema<Article>({
  name: 'Article',
  tableName: 'articles',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    authorId: { name: 'author_id', type: 'int' },
    title: { type: 'text' },
    body: { type: 'text' },
    status: { type: 'text', default: 'draft' },
    likes: { type: 'int', default: 0 },
    views: { type: 'int', default: 0 },
    version: { type: 'int', version: true },
  },
})

const PageEntity = new EntitySchema<Page>({
  name: 'Page',
  tableName: 'pages',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    ownerId: { name: 'owner_id', type: 'int' },
    title: { type: 'text' },
    content: { type: 'text' },
    revision: { type: 'int', default: 1 },
  },
})

const TagEntity = new EntitySchema<Tag>({
  name: 'Tag',
  tableName: 'tags',
  columns: { id: { type: 'int', primary: true, generated: 'increment' }, name: { type: 'text', unique: true } },
})

const NoticeEntity = new EntitySchema<Notice>({
  name: 'Notice',
  tableName: 'notices',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    articleId: { name: 'article_id', type: 'int' },
    kind: { type: 'text' },
  },
})

const BookmarkEntity = new EntitySchema<Bookmark>({
  name: 'Bookmark',
  tableName: 'bookmarks',
  columns: {
    userId: { name: 'user_id', type: 'int', primary: true },
    articleId: { name: 'article_id', type: 'int', primary: true },
    note: { type: 'text', default: '' },
  },
})

function isUniqueViolation(error: unknown): boolean {
  return error instanceof QueryFailedError && (error.driverError as { code?: string }).code === '23505'
}

const articles = typeormCase([ArticleEntity, PageEntity, TagEntity, NoticeEntity, BookmarkEntity], {
  name: 'idioms2/articles',
  schema: `
    create table articles (
      id serial primary key, author_id int not null, title text not null, body text not null, status text not null default 'draft',
      likes int not null default 0, views int not null default 0, version int not null default 1
    );
    create table pages (
      id serial primary key, owner_id int not null, title text not null, content text not null, revision int not null default 1
    );
    create table tags (id serial primary key, name text not null unique);
    create table notices (id serial primary key, article_id int not null references articles (id), kind text not null);
    create table bookmarks (
      user_id int not null, article_id int not null references articles (id), note text not null default '',
      primary key (user_id, article_id)
    );
  `,
  seed: `
    insert into articles (author_id, title, body, status, likes) values
      (1, 'Hello', 'First words', 'published', 5), (1, 'Draft one', 'Soon', 'draft', 0), (2, 'Draft two', 'Later', 'draft', 0),
      (2, 'Draft three', 'Perhaps', 'draft', 0), (3, 'Old', 'Old words', 'published', 40);
    insert into pages (owner_id, title, content) values (1, 'Handbook', 'Welcome'), (2, 'Rules', 'Be kind');
    insert into tags (name) values ('news');
    insert into bookmarks (user_id, article_id, note) values (1, 5, 'read later');
  `,
  routes: {
    'POST /articles/:id/like': async (db, input) => {
      const repository = db.getRepository(ArticleEntity)
      const article = await repository.findOneBy({ id: Number(input['id']) })
      if (!article) return { status: 404 }
      article.likes += 1
      await repository.save(article)
      return { status: 200, body: { likes: article.likes } }
    },

    'POST /articles/:id/view': async (db, input) => {
      const result = await db.getRepository(ArticleEntity).increment({ id: Number(input['id']) }, 'views', 1)
      return { status: result.affected ? 204 : 404 }
    },

    'PATCH /articles/:id': async (db, input) => {
      const repository = db.getRepository(ArticleEntity)
      const article = await repository.findOneBy({ id: Number(input['id']) })
      if (!article) return { status: 404 }
      if (article.authorId !== input['userId']) return { status: 403 }
      repository.merge(article, input['changes'] as Partial<Article>)
      return { status: 200, body: await repository.save(article) }
    },

    'PUT /pages/:id': async (db, input) => {
      const id = Number(input['id'])
      const repository = db.getRepository(PageEntity)
      const page = await repository.findOneBy({ id })
      if (!page) return { status: 404 }
      if (page.ownerId !== input['userId']) return { status: 403 }
      const revision = Number(input['revision'])
      const result = await repository.update(
        { id, revision },
        { title: String(input['title']), content: String(input['content']), revision: revision + 1 },
      )
      if (!result.affected) return { status: 409, body: { error: 'The page was changed by someone else.' } }
      return { status: 200 }
    },

    'PUT /pages/:id/title': async (db, input) => {
      const repository = db.getRepository(PageEntity)
      const page = await repository.findOneBy({ id: Number(input['id']) })
      if (!page) return { status: 404 }
      if (page.ownerId !== input['userId']) return { status: 403 }
      await repository.update(page.id, { title: String(input['title']) })
      return { status: 200, body: { ...page, title: input['title'] } }
    },

    'POST /articles/:id/publish': async (db, input) => {
      const article = await db.getRepository(ArticleEntity).findOneBy({ id: Number(input['id']) })
      if (!article) return { status: 404 }
      if (article.status === 'published') return { status: 409 }
      await db.transaction(async (manager) => {
        article.status = 'published'
        await manager.save(ArticleEntity, article)
        await manager.insert(NoticeEntity, { articleId: article.id, kind: 'published' })
      })
      return { status: 200, body: article }
    },

    'POST /articles/:id/archive': async (db, input) => {
      const id = Number(input['id'])
      return await db.transaction(async (manager) => {
        const article = await manager.findOneBy(ArticleEntity, { id })
        if (!article) return { status: 404 }
        const result = await manager.update(ArticleEntity, { id, status: 'published' }, { status: 'archived' })
        if (!result.affected) return { status: 409 }
        await manager.insert(NoticeEntity, { articleId: id, kind: 'archived' })
        return { status: 200 }
      })
    },

    'POST /tags': async (db, input) => {
      const repository = db.getRepository(TagEntity)
      const name = String(input['name'])
      const existing = await repository.findOneBy({ name })
      if (existing) return { status: 409 }
      try {
        return { status: 201, body: await repository.save({ name }) }
      } catch (error) {
        if (isUniqueViolation(error)) return { status: 409 }
        throw error
      }
    },

    'PUT /bookmarks/:articleId': async (db, input) => {
      const articleId = Number(input['articleId'])
      const article = await db.getRepository(ArticleEntity).findOneBy({ id: articleId })
      if (!article) return { status: 404 }
      await db
        .getRepository(BookmarkEntity)
        .upsert({ userId: Number(input['userId']), articleId, note: String(input['note']) }, ['userId', 'articleId'])
      return { status: 204 }
    },
  },
  traffic: [
    ['POST /articles/:id/like', { id: 5 }],
    ['POST /articles/:id/view', { id: 1 }],
    ['PATCH /articles/:id', { id: 2, userId: 1, changes: { title: 'Draft 1' } }],
    ['PATCH /articles/:id', { id: 2, userId: 2, changes: { title: 'Mine' } }],
    ['PUT /pages/:id', { id: 2, userId: 2, revision: 1, title: 'Rules', content: 'Be kind, please' }],
    ['PUT /pages/:id', { id: 2, userId: 2, revision: 1, title: 'Rules', content: 'Be quick' }],
    ['PUT /pages/:id/title', { id: 2, userId: 2, title: 'House rules' }],
    ['POST /articles/:id/publish', { id: 4 }],
    ['POST /articles/:id/publish', { id: 4 }],
    ['POST /articles/:id/archive', { id: 4 }],
    ['POST /articles/:id/archive', { id: 2 }],
    ['POST /tags', { name: 'news' }],
    ['POST /tags', { name: 'opinion' }],
    ['PUT /bookmarks/:articleId', { articleId: 5, userId: 2, note: 'very good' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update: the version goes up and is not compared',
      first: ['POST /articles/:id/like', { id: 1 }],
      second: ['POST /articles/:id/like', { id: 1 }],
    },
    {
      label: 'safe',
      kind: 'view counter',
      first: ['POST /articles/:id/view', { id: 1 }],
      second: ['POST /articles/:id/view', { id: 1 }],
    },
    {
      label: 'clash',
      kind: 'lost update: save writes back the column that the other changed',
      first: ['PATCH /articles/:id', { id: 2, userId: 1, changes: { title: 'A better title' } }],
      second: ['PATCH /articles/:id', { id: 2, userId: 1, changes: { body: 'More words' } }],
    },
    {
      label: 'safe',
      kind: 'revision from the input, compared in the update',
      first: ['PUT /pages/:id', { id: 1, userId: 1, revision: 1, title: 'Handbook A', content: 'Welcome, A' }],
      second: ['PUT /pages/:id', { id: 1, userId: 1, revision: 1, title: 'Handbook B', content: 'Welcome, B' }],
    },
    {
      label: 'safe',
      kind: 'overwrite of one column after an owner check',
      first: ['PUT /pages/:id/title', { id: 1, userId: 1, title: 'Handbook C' }],
      second: ['PUT /pages/:id/title', { id: 1, userId: 1, title: 'Handbook D' }],
    },
    {
      label: 'clash',
      kind: 'state checked, then changed: published twice',
      first: ['POST /articles/:id/publish', { id: 3 }],
      second: ['POST /articles/:id/publish', { id: 3 }],
    },
    {
      label: 'safe',
      kind: 'state changed conditionally',
      first: ['POST /articles/:id/archive', { id: 5 }],
      second: ['POST /articles/:id/archive', { id: 5 }],
    },
    {
      label: 'safe',
      kind: 'unique index, 23505 answered as the check would',
      first: ['POST /tags', { name: 'science' }],
      second: ['POST /tags', { name: 'science' }],
    },
    {
      label: 'safe',
      kind: 'upsert of values from the input',
      first: ['PUT /bookmarks/:articleId', { articleId: 1, userId: 3, note: 'one' }],
      second: ['PUT /bookmarks/:articleId', { articleId: 1, userId: 3, note: 'two' }],
    },
  ],
})

export const cases: ClashCase[] = [articles]
