"""The same as node/mint.mjs, with python-jose."""
import json
import sys

from jose import jwk, jwt

request = json.load(sys.stdin)
keys = request["keys"]
others = {"ES256": keys["ec256"], "ES384": keys["ec384"], "HS256": keys["secret"], "HS512": keys["secret"]}


def mint(case):
    headers = {name: case[name] for name in ("typ", "kid") if case[name]}
    return jwt.encode(case["claims"], others.get(case["alg"], keys["rsa"]), algorithm=case["alg"], headers=headers)


tokens, refused = {}, {}
for case in request["cases"]:
    try:
        tokens[case["name"]] = mint(case)
    except Exception as error:  # whatever the library says no with
        refused[case["name"]] = str(error)

key = jwk.construct(keys["rsa"], "RS256").public_key().to_dict()
key = {name: value.decode() if isinstance(value, bytes) else value for name, value in key.items()}
key.update(kid="key-1", use="sig")
json.dump({"jwks": {"keys": [key]}, "tokens": tokens, "refused": refused}, sys.stdout)
