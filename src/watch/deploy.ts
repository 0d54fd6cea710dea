const MOST_LENGTH = 100

/** What was deployed here, for telling figures before it from those after: HOLDFAST_DEPLOY, GIT_SHA, or the version that `npm start` tells. `''`: not known. */
export function readDeploy(env: NodeJS.ProcessEnv = process.env): string {
  const given = [env['HOLDFAST_DEPLOY'], env['GIT_SHA'], env['npm_package_version']]
  const first = given.map((each) => (each ?? '').replaceAll(/\p{Cc}/gu, ' ').trim()).find((each) => each !== '')
  return (first ?? '').slice(0, MOST_LENGTH)
}
