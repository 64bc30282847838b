package main

// Parts of the usage texts that several commands share.

const tokenUsage = `The token is TOKEN, or stdin (also as "-"), or --token-file. Prefer stdin: an argument
shows in the list of processes.

  --token-file F     where the token is
`

const keysUsage = `  --issuer URL       exact iss of the tokens; replaces AUTHACTION_DOMAIN. Without a
                     --jwks-… flag the keys come from its discovery document
  --jwks-url URL     where the keys are: an https address,
  --jwks-file F      or a file with a JWK Set, a JWK or PEM
  --cacert F         PEM of a CA that is trusted beside the system's; may be repeated
  --header 'N: V'    sent with the request for the keys; may be repeated
  --env-file F       file with KEY=VALUE lines for what is not in the environment
  --timeout 5s       limit for retrieving the keys
`

const trustUsage = keysUsage + `  --audience A       aud that the tokens must hold; for several audiences repeat it
  --audience-claim C client_id or azp: judged in place of aud where a token has none
  --type T           typ that the tokens must have, such as at+jwt; without it JWT,
                     at+jwt or none
  --leeway 1m        clock difference allowed on exp and nbf; 0 means none
`

const domainUsage = `ISSUER, AUDIENCE and JWKS_URL stand for the flags, in the environment or the env file.
AUTHACTION_DOMAIN=D means issuer https://D and keys https://D/.well-known/jwks.json.
`

const verdictUsage = `Exit codes: 0 accepted, 1 rejected, 2 nothing was checked, 3 undetermined.
`
