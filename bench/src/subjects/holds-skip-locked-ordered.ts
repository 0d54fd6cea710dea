import { createSeatSeller } from '../contests/holds/pg-work.js'

/** The first free seat, which also makes the plan use the index over free ones. */
export default createSeatSeller('order by id')
