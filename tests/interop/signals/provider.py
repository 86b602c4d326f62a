"""An identity provider whose tokens and signals are signed by the tests, with libraries of others. It
serves the documents by which a receiver finds its keys, and writes what the tests need to a file:
provider.py <file>"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "https://guestpass.example"


def private_keys() -> dict[str, dict]:
    """A private JSON Web Key by its `kid`: one for tokens of users, the others for signals."""
    keys = {
        "users": RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048), as_dict=True),
        "rsa": RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048), as_dict=True),
        "p256": ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True),
        "ed25519": OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True),
    }
    return {kid: {**key, "kid": kid} for kid, key in keys.items()}


def key_set(keys: list[dict]) -> dict:
    """The public half of keys."""
    public = ("kty", "kid", "n", "e", "crv", "x", "y")
    return {"keys": [{name: key[name] for name in public if name in key} for key in keys]}


def transmitters(base: str) -> list[dict]:
    """The value of the parameter `Transmitters`, one of each kind with signed messages. Apple names its
    keys in the configuration; those of the others are found by discovery."""
    org = {"clientIds": ["guestpass-client"], "audiences": [f"{AUDIENCE}/v1/signals/org"]}
    return [
        {"tokenIssuer": base, "audiences": [f"guestpass-{one['name']}"], **one}
        for one in [
            {"name": "ssf", "kind": "ssf", "issuer": f"{base}/ssf"},
            {"name": "logout", "kind": "back-channel-logout", "issuer": f"{base}/logout"},
            {"name": "org", "kind": "global-token-revocation", "issuer": f"{base}/org", **org},
            {"name": "apple", "kind": "apple", "issuer": f"{base}/apple", "jwksUri": f"{base}/jwks"},
            {"name": "google", "kind": "google", "issuer": f"{base}/google/"},
        ]
    ]


def documents(base: str, keys: dict[str, dict]) -> dict[str, dict]:
    """What is served, by its path."""
    metadata = lambda issuer, jwks: {"issuer": base + issuer, "jwks_uri": base + jwks}
    return {
        "/jwks": key_set([key for kid, key in keys.items() if kid != "users"]),
        "/users/jwks": key_set([keys["users"]]),
        "/.well-known/openid-configuration": metadata("", "/users/jwks"),
        "/logout/.well-known/openid-configuration": metadata("/logout", "/jwks"),
        "/org/.well-known/openid-configuration": metadata("/org", "/jwks"),
        "/.well-known/ssf-configuration/ssf": metadata("/ssf", "/jwks"),
        "/.well-known/risc-configuration/google": metadata("/google/", "/jwks"),
    }


class Handler(BaseHTTPRequestHandler):
    documents: dict[str, dict] = {}

    def do_GET(self):
        document = self.documents.get(self.path)
        self.send_response(200 if document else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())


def main(path: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    base = f"http://127.0.0.1:{server.server_port}"
    keys = private_keys()
    Handler.documents = documents(base, keys)
    provider = {"issuer": base, "audience": AUDIENCE, "transmitters": transmitters(base), "keys": keys}
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(provider, file)
    os.rename(f"{path}.new", path)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
