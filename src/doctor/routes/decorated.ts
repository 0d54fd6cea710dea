import type TS from 'typescript-5'
import type { Project } from '../project.js'
import type { SourceIndex } from '../source-index.js'
import type { Entry } from './entries.js'

const routes = /^(Get|Post|Put|Patch|Delete|Head|Options|All|Sse)$/
const resolvers = /^(Query|Mutation|ResolveField|Subscription)$/
/** Methods that a framework calls for each request, by the interface that says so. */
const interfaces: readonly (readonly [RegExp, string])[] = [
  [/^CanActivate$/, 'canActivate'],
  [/^NestInterceptor$/, 'intercept'],
  [/^NestMiddleware$/, 'use'],
  [/^PipeTransform$/, 'transform'],
  [/^ExceptionFilter$/, 'catch'],
]

/** Routes that are decorators of methods, as in NestJS: `@Controller('orders') class { @Get(':id') find() {} }`. */
export function findDecorated({ ts, isTarget }: Project, index: SourceIndex): Entry[] {
  const found: Entry[] = []
  for (const of of index.classes) {
    if (!isTarget(of.getSourceFile())) continue
    const decorators = readDecorators(ts, of)
    const controller = decorators.find(({ name }) => name.endsWith('Controller'))
    const isResolver = decorators.some(({ name }) => name === 'Resolver')
    for (const member of of.members) {
      const fn = index.functions.get(member)
      if (fn === undefined) continue
      const label = labelMember(ts, of, member, controller, isResolver)
      if (label !== undefined) found.push({ ...label, fn, site: member })
    }
  }
  return found
}

interface Decorator {
  name: string
  path: string
}

function labelMember(
  ts: Project['ts'],
  of: TS.ClassLikeDeclaration,
  member: TS.ClassElement,
  controller: Decorator | undefined,
  isResolver: boolean,
): { label: string; isRoute: boolean } | undefined {
  const name = member.name?.getText() ?? ''
  const implemented =
    of.heritageClauses?.flatMap(({ types }) => types.map(({ expression }) => expression.getText())) ?? []
  if (interfaces.some(([type, method]) => method === name && implemented.some((each) => type.test(each))))
    return { label: `middleware ${of.name?.text ?? ''}`, isRoute: false }
  const own = readDecorators(ts, member)
  const route = controller === undefined ? undefined : own.find((each) => routes.test(each.name))
  if (controller !== undefined && route !== undefined) {
    const path = [controller.path, route.path]
      .filter((each) => each !== '')
      .join('/')
      .replaceAll(/\/{2,}/g, '/')
    return { label: `${route.name.toUpperCase()} ${path.startsWith('/') ? '' : '/'}${path}`, isRoute: true }
  }
  const resolver = isResolver ? own.find((each) => resolvers.test(each.name)) : undefined
  return resolver === undefined ? undefined : { label: `${resolver.name} ${name}`, isRoute: true }
}

function readDecorators(ts: Project['ts'], node: TS.Node): Decorator[] {
  if (!ts.canHaveDecorators(node)) return []
  return (ts.getDecorators(node) ?? []).map(({ expression }) => {
    if (!ts.isCallExpression(expression)) return { name: expression.getText(), path: '' }
    const [first] = expression.arguments
    const path = first === undefined ? '' : (/^\{?.*?['"`]([^'"`]*)['"`]/s.exec(first.getText())?.[1] ?? '')
    return { name: expression.expression.getText(), path }
  })
}
