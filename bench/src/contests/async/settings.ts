export const settings = {
  blocks:
    'hono and node-postgres, honoContext, two clients on other routes; ten kinds in five placements, each once in each of three processes; a block that was not as long as it should be, or that the machine did not let run, is planted again',
  detectors: 'the service of the contest watch, 8 clients',
  clean: '16 clients as fast as they are answered, 1 % of them go away',
  scan: 'a repository of express and node-postgres made from a seed, five processes; memory is the most that they had resident',
  'blocked-at': 'its defaults; the planted line anywhere in its stack counts as named',
}
