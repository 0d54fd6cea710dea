import { EntitySchema, QueryFailedError } from 'typeorm'
import { typeormCase, type ClashCase } from '../../corpus.js'

interface Exam {
  id: number
  title: string
  seats: number
  taken: number
  open: boolean
}

interface Registration {
  id: number
  examId: number
  student: string
}

interface Result {
  id: number
  student: string
  points: number
  bonus: number
  version: number
}

const Exams = new EntitySchema<Exam>({
  name: 'exam',
  tableName: 'exams',
  columns: {
    id: { type: 'int', primary: true },
    title: { type: 'text' },
    seats: { type: 'int' },
    taken: { type: 'int', default: 0 },
    open: { type: 'boolean', default: true },
  },
})

const Registrations = new EntitySchema<Registration>({
  name: 'registration',
  tableName: 'registrations',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    examId: { type: 'int', name: 'exam_id' },
    student: { type: 'text' },
  },
})

const Results = new EntitySchema<Result>({
  name: 'result',
  tableName: 'results',
  columns: {
    id: { type: 'int', primary: true },
    student: { type: 'text' },
    points: { type: 'int' },
    bonus: { type: 'int', default: 0 },
    version: { type: 'int', version: true },
  },
})

function isDuplicate(error: unknown): boolean {
  return error instanceof QueryFailedError && (error.driverError as { code?: string }).code === '23505'
}

const exams = typeormCase([Exams, Registrations, Results], {
  name: 'exam-registration',
  schema: `
    create table exams (id int primary key, title text not null, seats int not null, taken int not null default 0, open boolean not null default true);
    create table registrations (
      id serial primary key,
      exam_id int not null references exams,
      student text not null,
      constraint registrations_once unique (exam_id, student)
    );
    create table results (id int primary key, student text not null, points int not null, bonus int not null default 0, version int not null default 1);
  `,
  seed: `
    insert into exams values (901, 'algebra', 2, 1, true), (902, 'chemistry', 30, 0, true), (903, 'latin', 10, 0, false);
    insert into registrations (exam_id, student) values (901, 'st-1001');
    insert into results (id, student, points) values (41, 'st-1001', 52), (42, 'st-1002', 67), (43, 'st-1003', 38);
  `,
  routes: {
    'POST /exams/:exam/registrations': async (db, input) => {
      const exam = await db.getRepository(Exams).findOneBy({ id: Number(input.exam) })
      if (!exam) return { status: 404 }
      if (!exam.open) return { status: 403 }
      if (exam.taken >= exam.seats) return { status: 409 }
      await db.getRepository(Registrations).save({ examId: exam.id, student: String(input.student) })
      exam.taken += 1
      await db.getRepository(Exams).save(exam)
      return { status: 201 }
    },
    'POST /exams/:exam/seats': async (db, input) =>
      await db.transaction(async (manager) => {
        const exam = await manager.findOne(Exams, {
          where: { id: Number(input.exam) },
          lock: { mode: 'pessimistic_write' },
        })
        if (!exam) return { status: 404 }
        if (!exam.open) return { status: 403 }
        if (exam.taken >= exam.seats) return { status: 409 }
        await manager.save(Registrations, { examId: exam.id, student: String(input.student) })
        exam.taken += 1
        await manager.save(Exams, exam)
        return { status: 201 }
      }),
    'POST /exams/:exam/waiting': async (db, input) => {
      const examId = Number(input.exam)
      const student = String(input.student)
      const registrations = db.getRepository(Registrations)
      if (await registrations.existsBy({ examId, student })) return { status: 409 }
      try {
        await registrations.insert({ examId, student })
      } catch (error) {
        if (isDuplicate(error)) return { status: 409 }
        throw error
      }
      return { status: 201 }
    },
    'POST /results/:result/points': async (db, input) => {
      const results = db.getRepository(Results)
      const result = await results.findOneBy({ id: Number(input.result) })
      if (!result) return { status: 404 }
      result.points += Number(input.points)
      await results.save(result)
      return { status: 200, body: result }
    },
    'POST /results/:result/bonus': async (db, input) => {
      const id = Number(input.result)
      const results = db.getRepository(Results)
      if (!(await results.existsBy({ id }))) return { status: 404 }
      await results.increment({ id }, 'bonus', Number(input.points))
      return { status: 200 }
    },
    'PATCH /exams/:exam': async (db, input) => {
      const updated = await db.getRepository(Exams).update({ id: Number(input.exam) }, { open: input.open === true })
      return { status: updated.affected === 1 ? 200 : 404 }
    },
  },
  traffic: [
    ['POST /exams/:exam/registrations', { exam: 902, student: 'st-2001' }],
    ['POST /exams/:exam/registrations', { exam: 903, student: 'st-2001' }],
    ['POST /exams/:exam/seats', { exam: 902, student: 'st-2002' }],
    ['POST /exams/:exam/seats', { exam: 901, student: 'st-2003' }],
    ['POST /exams/:exam/seats', { exam: 901, student: 'st-2004' }],
    ['POST /exams/:exam/registrations', { exam: 901, student: 'st-2005' }],
    ['POST /exams/:exam/waiting', { exam: 902, student: 'st-2006' }],
    ['POST /exams/:exam/waiting', { exam: 902, student: 'st-2006' }],
    ['POST /results/:result/points', { result: 41, points: 4 }],
    ['POST /results/:result/points', { result: 49, points: 4 }],
    ['POST /results/:result/bonus', { result: 42, points: 3 }],
    ['PATCH /exams/:exam', { exam: 903, open: true }],
    ['POST /exams/:exam/registrations', { exam: 903, student: 'st-2007' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'last seat, entity saved',
      first: ['POST /exams/:exam/registrations', { exam: 901, student: 'st-3001' }],
      second: ['POST /exams/:exam/registrations', { exam: 901, student: 'st-3002' }],
    },
    {
      label: 'safe',
      kind: 'pessimistic_write',
      first: ['POST /exams/:exam/seats', { exam: 901, student: 'st-3001' }],
      second: ['POST /exams/:exam/seats', { exam: 901, student: 'st-3002' }],
    },
    {
      label: 'safe',
      kind: 'unique index, 23505 handled',
      first: ['POST /exams/:exam/waiting', { exam: 902, student: 'st-3003' }],
      second: ['POST /exams/:exam/waiting', { exam: 902, student: 'st-3003' }],
    },
    {
      // save() bumps the version and compares nothing.
      label: 'clash',
      kind: 'lost update in spite of a version column',
      first: ['POST /results/:result/points', { result: 43, points: 5 }],
      second: ['POST /results/:result/points', { result: 43, points: 8 }],
    },
    {
      label: 'safe',
      kind: 'increment()',
      first: ['POST /results/:result/bonus', { result: 43, points: 5 }],
      second: ['POST /results/:result/bonus', { result: 43, points: 8 }],
    },
    {
      label: 'safe',
      kind: 'closed after the check, as if registered before',
      first: ['POST /exams/:exam/seats', { exam: 902, student: 'st-3004' }],
      second: ['PATCH /exams/:exam', { exam: 902, open: false }],
    },
  ],
})

export const cases: ClashCase[] = [exams]
