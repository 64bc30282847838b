// panva's oidc-provider on 127.0.0.1, at the port given as argument, 0 for a free one.
// Prints { issuer } when it listens. "rotate" on stdin adds a key that signs from then
// on, as its operators do by a new configuration; the end of stdin stops it.
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import Provider from 'oidc-provider'

const audience = 'https://api.test'
const makeKey = () => ({ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' })

const server = createServer((request, response) => handle(request, response))
await new Promise((resolve) => server.listen(Number(process.argv[2]), '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`

let keys = [makeKey()]
let handle = start()

function start() {
  return new Provider(issuer, {
    jwks: { keys },
    clients: [{ client_id: 'm2m', client_secret: 'a secret of this test', grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }],
    scopes: ['orders:read'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        getResourceServerInfo: () => ({ scope: 'orders:read', audience, accessTokenTTL: 300, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
      },
    },
  }).callback()
}

console.log(JSON.stringify({ issuer }))
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'rotate') {
    keys = [makeKey(), ...keys]
    handle = start()
    console.log(JSON.stringify({ rotated: true }))
  }
}
process.exit()
