import { EntitySchema, ILike, QueryFailedError, type DataSource, type EntityManager } from 'typeorm'
import { typeormCase, type ClashCase } from '../../corpus.js'

interface User {
  id: number
  email: string
  name: string
}

interface Team {
  id: number
  name: string
  seats: number
  credits: number
}

interface Member {
  id: number
  teamId: number
  userId: number
  role: string
}

interface Invitation {
  id: number
  teamId: number
  token: string
  acceptedBy: number | null
}

const UserEntity = new EntitySchema<User>({
  name: 'User',
  tableName: 'users',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    email: { type: 'text', unique: true },
    name: { type: 'text' },
  },
})

const TeamEntity = new EntitySchema<Team>({
  name: 'Team',
  tableName: 'teams',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    name: { type: 'text' },
    seats: { type: 'int' },
    credits: { type: 'int', default: 0 },
  },
})

const MemberEntity = new EntitySchema<Member>({
  name: 'Member',
  tableName: 'team_members',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    teamId: { name: 'team_id', type: 'int' },
    userId: { name: 'user_id', type: 'int' },
    role: { type: 'text', default: 'member' },
  },
})

const InvitationEntity = new EntitySchema<Invitation>({
  name: 'Invitation',
  tableName: 'invitations',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    teamId: { name: 'team_id', type: 'int' },
    token: { type: 'text', unique: true },
    acceptedBy: { name: 'accepted_by', type: 'int', nullable: true },
  },
})

async function retrySerializable<T>(db: DataSource, work: (manager: EntityManager) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction('SERIALIZABLE', work)
    } catch (error) {
      const code = error instanceof QueryFailedError ? (error.driverError as { code?: string }).code : undefined
      if (code !== '40001' || attempt === 5) throw error
    }
  }
}

const teams = typeormCase([UserEntity, TeamEntity, MemberEntity, InvitationEntity], {
  name: 'idioms2/teams',
  schema: `
    create table users (id serial primary key, email text not null unique, name text not null);
    create table teams (id serial primary key, name text not null, seats int not null, credits int not null default 0);
    create table team_members (
      id serial primary key, team_id int not null references teams (id), user_id int not null references users (id),
      role text not null default 'member', unique (team_id, user_id)
    );
    create table invitations (
      id serial primary key, team_id int not null references teams (id), token text not null unique, accepted_by int references users (id)
    );
  `,
  seed: `
    insert into users (email, name)
      select 'user' || n || '@example.com', 'User ' || n from generate_series(1, 12) n;
    insert into teams (name, seats, credits) values ('Red', 4, 100), ('Blue', 10, 500), ('Green', 2, 5);
    insert into team_members (team_id, user_id, role) values
      (1, 1, 'admin'), (1, 2, 'admin'), (1, 3, 'member'),
      (2, 4, 'admin'), (2, 5, 'admin'), (2, 6, 'admin'), (2, 1, 'member'),
      (3, 7, 'admin'), (3, 8, 'member');
    insert into invitations (team_id, token) values (1, 'red-1'), (2, 'blue-1'), (2, 'blue-2');
  `,
  routes: {
    'POST /users': async (db, input) => {
      const email = String(input['email'])
      const repository = db.getRepository(UserEntity)
      if (await repository.existsBy({ email: ILike(email) }))
        return { status: 409, body: { error: 'This email is taken.' } }
      const user = await repository.save(repository.create({ email, name: String(input['name']) }))
      return { status: 201, body: user }
    },

    'POST /teams/:id/members': async (db, input) => {
      const teamId = Number(input['id'])
      return await db.transaction(async (manager) => {
        const team = await manager.findOne(TeamEntity, { where: { id: teamId }, lock: { mode: 'pessimistic_write' } })
        if (!team) return { status: 404 }
        const taken = await manager.countBy(MemberEntity, { teamId })
        if (taken >= team.seats) return { status: 402, body: { error: 'All seats are taken.' } }
        const member = await manager.save(MemberEntity, { teamId, userId: Number(input['userId']), role: 'member' })
        return { status: 201, body: member }
      })
    },

    'PATCH /teams/:id/members/:userId': async (db, input) => {
      const teamId = Number(input['id'])
      return await db.transaction('REPEATABLE READ', async (manager) => {
        const member = await manager.findOneBy(MemberEntity, { teamId, userId: Number(input['userId']) })
        if (!member) return { status: 404 }
        if (member.role === 'admin' && input['role'] !== 'admin') {
          const admins = await manager.countBy(MemberEntity, { teamId, role: 'admin' })
          if (admins === 1) return { status: 409, body: { error: 'A team needs an admin.' } }
        }
        member.role = String(input['role'])
        await manager.save(MemberEntity, member)
        return { status: 200, body: member }
      })
    },

    'DELETE /teams/:id/members/:userId': async (db, input) => {
      const teamId = Number(input['id'])
      return await retrySerializable(db, async (manager) => {
        const member = await manager.findOneBy(MemberEntity, { teamId, userId: Number(input['userId']) })
        if (!member) return { status: 404 }
        if (member.role === 'admin') {
          const admins = await manager.countBy(MemberEntity, { teamId, role: 'admin' })
          if (admins === 1) return { status: 409, body: { error: 'A team needs an admin.' } }
        }
        await manager.delete(MemberEntity, member.id)
        return { status: 204 }
      })
    },

    'POST /invitations/:token/accept': async (db, input) => {
      const invitation = await db.getRepository(InvitationEntity).findOneBy({ token: String(input['token']) })
      if (!invitation) return { status: 404 }
      if (invitation.acceptedBy !== null) return { status: 410 }
      return await db.transaction(async (manager) => {
        await manager.findOneOrFail(InvitationEntity, {
          where: { id: invitation.id },
          lock: { mode: 'pessimistic_write' },
        })
        const userId = Number(input['userId'])
        await manager.update(InvitationEntity, invitation.id, { acceptedBy: userId })
        await manager.insert(MemberEntity, { teamId: invitation.teamId, userId, role: 'member' })
        return { status: 200 }
      })
    },

    'POST /teams/:id/exports': async (db, input) => {
      const cost = Number(input['cost'])
      return await db.transaction(async (manager) => {
        const team = await manager
          .createQueryBuilder(TeamEntity, 'team')
          .setLock('pessimistic_write')
          .where('team.id = :id', { id: Number(input['id']) })
          .getOne()
        if (!team) return { status: 404 }
        if (team.credits < cost) return { status: 402 }
        team.credits -= cost
        await manager.save(TeamEntity, team)
        return { status: 202, body: { credits: team.credits } }
      })
    },
  },
  traffic: [
    ['POST /users', { email: 'someone@example.com', name: 'Someone' }],
    ['POST /users', { email: 'User1@example.com', name: 'Again' }],
    ['POST /teams/:id/members', { id: 2, userId: 9 }],
    ['POST /teams/:id/members', { id: 3, userId: 9 }],
    ['PATCH /teams/:id/members/:userId', { id: 2, userId: 6, role: 'member' }],
    ['PATCH /teams/:id/members/:userId', { id: 3, userId: 7, role: 'member' }],
    ['DELETE /teams/:id/members/:userId', { id: 2, userId: 6 }],
    ['DELETE /teams/:id/members/:userId', { id: 3, userId: 7 }],
    ['POST /invitations/:token/accept', { token: 'blue-1', userId: 10 }],
    ['POST /invitations/:token/accept', { token: 'blue-1', userId: 11 }],
    ['POST /teams/:id/exports', { id: 2, cost: 30 }],
    ['POST /teams/:id/exports', { id: 3, cost: 30 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'check ignores case, the unique index does not',
      first: ['POST /users', { email: 'new.user@example.com', name: 'New' }],
      second: ['POST /users', { email: 'New.User@example.com', name: 'New' }],
    },
    {
      label: 'safe',
      kind: 'parent row locked before the count',
      first: ['POST /teams/:id/members', { id: 1, userId: 9 }],
      second: ['POST /teams/:id/members', { id: 1, userId: 10 }],
    },
    {
      label: 'clash',
      kind: 'write skew under repeatable read: no admin is left',
      first: ['PATCH /teams/:id/members/:userId', { id: 1, userId: 1, role: 'member' }],
      second: ['PATCH /teams/:id/members/:userId', { id: 1, userId: 2, role: 'member' }],
    },
    {
      label: 'safe',
      kind: 'serializable with retry',
      first: ['DELETE /teams/:id/members/:userId', { id: 1, userId: 1 }],
      second: ['DELETE /teams/:id/members/:userId', { id: 1, userId: 2 }],
    },
    {
      label: 'clash',
      kind: 'late lock: checked before, not after',
      first: ['POST /invitations/:token/accept', { token: 'red-1', userId: 9 }],
      second: ['POST /invitations/:token/accept', { token: 'red-1', userId: 10 }],
    },
    {
      label: 'safe',
      kind: 'row locked before it is read',
      first: ['POST /teams/:id/exports', { id: 1, cost: 60 }],
      second: ['POST /teams/:id/exports', { id: 1, cost: 70 }],
    },
  ],
})

export const cases: ClashCase[] = [teams]
