import { describe, expect, it } from 'vitest'
import { hasProxyHeader, isLocalHostName, isLoopbackAddress, parseHostName } from '../../src/http/local-request.js'

describe('a peer on the same machine', () => {
  it.each(['127.0.0.1', '127.0.0.2', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::FFFF:127.9.9.9'])(
    '%s is one',
    (address) => {
      expect(isLoopbackAddress(address)).toBe(true)
    },
  )
  it.each([
    undefined,
    '',
    '10.0.0.1',
    '128.0.0.1',
    '127.0.0.1.evil.com',
    '127.1',
    '127.0.0.256',
    '1270.0.0.1',
    '::',
    '::2',
    '::ffff:10.0.0.1',
    '::ffff:127.evil',
    'fe80::1',
    '0.0.0.0',
    'localhost',
  ])('%s is none', (address) => {
    expect(isLoopbackAddress(address)).toBe(false)
  })
})

describe('the Host header of a browser on the same machine', () => {
  it.each(['localhost', 'LOCALHOST:3000', '127.0.0.1', '127.0.0.1:80', '[::1]', '[::1]:8080'])(
    '%s is accepted',
    (host) => {
      expect(isLocalHostName(parseHostName(host))).toBe(true)
    },
  )
  it.each([
    null,
    '',
    'localhost.evil.com',
    'evil.com',
    'localhost.',
    'localhost@evil.com',
    'evil.com#localhost',
    'localhost/evil',
    'localhost, evil.com',
    'localhost:80:80',
    'localhost:port',
    '127.0.0.2',
    '127.1',
    '0.0.0.0',
    '[::1',
    '::1',
    '[::ffff:127.0.0.1]',
    'localhost\u0000',
    'ⓛocalhost',
  ])('%s is not', (host) => {
    expect(isLocalHostName(parseHostName(host))).toBe(false)
  })
})

describe('somebody in between', () => {
  it.each(['Forwarded', 'X-Forwarded-For', 'x-forwarded-host', 'X-FORWARDED-PROTO', 'X-Forwarded', 'X-Real-IP', 'Via'])(
    'shows by %s, also when empty',
    (name) => {
      expect(hasProxyHeader(new Headers([[name, '']]))).toBe(true)
    },
  )
  it('does not show by other headers', () => {
    expect(hasProxyHeader(new Headers({ accept: '*/*', 'x-request-id': 'forwarded' }))).toBe(false)
  })
})
