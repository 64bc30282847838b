// oauth2-mock-server, used as oidc-provider.mjs is.
import { createInterface } from 'node:readline'
import { OAuth2Server } from 'oauth2-mock-server'

const server = new OAuth2Server()
await server.issuer.keys.generate('RS256')
await server.start(Number(process.argv[2]), '127.0.0.1')

console.log(JSON.stringify({ issuer: server.issuer.url }))
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'rotate') {
    await server.issuer.keys.generate('RS256')
    console.log(JSON.stringify({ rotated: true }))
  }
}
process.exit()
