// Makes the tokens that tokens_test.go asks for, with the library that is named in the
// request on stdin; answers with the tokens and the JWK Set of its key on stdout.
//
//   { library, keys: { rsa, ec256, ec384, ed25519, secret }, cases: [{ name, alg, typ, kid, claims }] }
//   { jwks, tokens: { name: token }, refused: { name: reason } }
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { text } from 'node:stream/consumers'
import * as jose from 'jose'
import jsonwebtoken from 'jsonwebtoken'

const { library, keys, cases } = JSON.parse(await text(process.stdin))

const pems = { ES256: keys.ec256, ES384: keys.ec384, EdDSA: keys.ed25519 }
const isSecret = (alg) => alg.startsWith('HS')

function header(c) {
  const h = { alg: c.alg }
  if (c.typ) h.typ = c.typ
  if (c.kid) h.kid = c.kid
  return h
}

const libraries = {
  jose: {
    async mint(c) {
      if (c.alg === 'none') return new jose.UnsecuredJWT(c.claims).encode()
      const key = isSecret(c.alg)
        ? new TextEncoder().encode(keys.secret)
        : await jose.importPKCS8(pems[c.alg] ?? keys.rsa, c.alg)
      return new jose.SignJWT(c.claims).setProtectedHeader(header(c)).sign(key)
    },
    async jwks() {
      const key = await jose.exportJWK(createPublicKey(keys.rsa))
      return { keys: [{ ...key, kid: 'key-1', alg: 'RS256', use: 'sig' }] }
    },
  },
  jsonwebtoken: {
    mint(c) {
      const key = c.alg === 'none' ? '' : isSecret(c.alg) ? keys.secret : createPrivateKey(pems[c.alg] ?? keys.rsa)
      return jsonwebtoken.sign(c.claims, key, { algorithm: c.alg, header: header(c) })
    },
    // It writes no JWK; its users have Node do it.
    jwks() {
      const key = createPublicKey(keys.rsa).export({ format: 'jwk' })
      return { keys: [{ ...key, kid: 'key-1', alg: 'RS256', use: 'sig' }] }
    },
  },
}

const tokens = {}
const refused = {}
for (const c of cases) {
  try {
    tokens[c.name] = await libraries[library].mint(c)
  } catch (err) {
    refused[c.name] = err.message
  }
}
console.log(JSON.stringify({ jwks: await libraries[library].jwks(), tokens, refused }))
