import 'uplot/dist/uPlot.min.css'
import './page.css'
import './panels.css'
import './tiles.css'
import { render } from 'preact'
import { App } from './app'
import { startLive } from './live'

const root = document.getElementById('app')
if (root !== null) render(<App />, root)
startLive()
