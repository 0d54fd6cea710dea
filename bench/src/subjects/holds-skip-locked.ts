import { createSeatSeller } from '../contests/holds/pg-work.js'

/** As most texts show it: whichever free seat the plan meets first. */
export default createSeatSeller('')
