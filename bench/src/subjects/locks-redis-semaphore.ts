export { mutex as default } from './redis-locks.js'
