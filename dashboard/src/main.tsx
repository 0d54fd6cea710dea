import 'uplot/dist/uPlot.min.css'
import './page.css'
import './panels.css'
import './verdict.css'
import './tiles.css'
import './plots.css'
import './routes.css'
import './jobs.css'
import './latency.css'
import './autopsy.css'
import './locks.css'
import './sagas.css'
// Last, because it overrides the others where the window is narrow or very wide.
import './narrow.css'
import { render } from 'preact'
import { App } from './app'
import { startJobs } from './jobs-state'
import { startLatency } from './latency-state'
import { startLive } from './live'
import { startLocks } from './locks-state'
import { startSagas } from './sagas-state'
import { page } from './view-state'

const root = document.getElementById('app')
if (root !== null) render(<App />, root)
if (page === 'jobs') {
  document.title = 'Jobs · holdfast'
  startJobs()
} else if (page === 'latency') {
  document.title = 'Latency · holdfast'
  startLatency()
} else if (page === 'locks') {
  document.title = 'Locks · holdfast'
  startLocks()
} else if (page === 'sagas') {
  document.title = 'Sagas · holdfast'
  startSagas()
} else startLive()
