import 'uplot/dist/uPlot.min.css'
import './page.css'
import './panels.css'
import './verdict.css'
import './tiles.css'
import './plots.css'
import './routes.css'
import './jobs.css'
import './latency.css'
import './queries.css'
import './query-course.css'
import './findings.css'
import './clash.css'
import './autopsy.css'
import './locks.css'
import './sagas.css'
// Last, because it overrides the others where the window is narrow or very wide.
import './narrow.css'
import { render } from 'preact'
import { App } from './app'
import { pages } from './pages'
import { page } from './view-state'

const { title, Page, start } = await pages[page]()
document.title = `${title} · holdfast`
const root = document.getElementById('app')
if (root !== null) render(<App Page={Page} />, root)
start()
