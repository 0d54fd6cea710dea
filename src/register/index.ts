/** @module `node --import holdfast/register app.js`: watches an application that is not changed. Nothing is exported. */

import { install } from './install.js'

install()
