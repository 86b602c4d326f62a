"""Compares the keys of the issuers with the authorizer before anything is created: API Gateway's own
authorizer verifies RSA signatures only, so with other keys every bearer would be refused.

    make deploy                                  is refused if Authorizer=jwt and Issuer has no RSA key
    make deploy FORCE=issuer-keys                deploys nevertheless
    make deploy ISSUER=https://idp.example/ AUTHORIZER=lambda
                                                 the first deployment; without them, it asks for both, and is refused
                                                 without an issuer

With Authorizer=jwt, an issuer that cannot be reached from here is refused, too: API Gateway reads its discovery
document while it creates the authorizer, and would fail after other resources were created. Otherwise it is a
warning, because only the function must reach it. The first deployment prints the parameters that it asked for; SAM asks
for them again, and what is typed there is not checked."""

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import confirmation
import parameters
import stack_settings

SECONDS = 5
# API Gateway reads no more of a key set.
MAX_BYTES = 150_000

# What each authorizer verifies: the types of keys (RFC 7517), and the algorithms that a key may be limited to.
RSA = {"RS256", "RS384", "RS512"}
ALGORITHMS = {
    ("jwt", "RSA"): RSA,
    ("lambda", "RSA"): RSA | {"PS256", "PS384", "PS512"},
    ("lambda", "EC"): {"ES256", "ES384", "ES512"},
    ("lambda", "OKP"): {"EdDSA"},
}


class Unreachable(Exception):
    """The issuer does not answer here; the authorizer may reach it."""


class Unusable(Exception):
    """The issuer answers, but the authorizer cannot verify its bearers."""


def main() -> None:
    settings = stack_settings.settings()
    stored = parameters.stored_parameters(settings.get("parameter_overrides", ""))
    values = stored | parameters.requested_parameters(os.environ.get("SET", ""))
    if not settings.get("stack_name"):
        values = first_parameters()
        # SAM shows them as the defaults of its questions.
        print(" ".join(f"{name}={value}" for name, value in values.items()))
        if not values.get("Issuer") and not confirmation.is_forced("issuer-keys"):
            sys.exit(f"deploy: the first deployment needs a URL without spaces and quotes as the issuer, to check its keys before anything is created. Add ISSUER=https://…, or {confirmation.force('issuer-keys')} to let SAM ask for it and check nothing")
    if not values.get("Issuer") or confirmation.is_forced("issuer-keys"):
        return
    authorizer = values.get("Authorizer", "jwt")
    for name, issuer, jwks_uri in issuers(values, authorizer):
        try:
            check_keys(issuer, jwks_uri, authorizer)
        except Unreachable as why:
            if authorizer == "jwt":
                sys.exit(f"deploy: API Gateway must reach the issuer {issuer} ({name}), but it cannot be reached from here: {why}. Correct {name}, or add {confirmation.force('issuer-keys')} if only this machine cannot reach it")
            print(f"deploy: warning: the keys of {issuer} ({name}) were not checked: {why}", file=sys.stderr)
        except Unusable as why:
            sys.exit(f"deploy: with Authorizer={authorizer}, every bearer of {issuer} ({name}) would be refused: {why}, or add {confirmation.force('issuer-keys')} to deploy nevertheless")


def first_parameters() -> dict[str, str]:
    """Issuer and Authorizer, from the environment or from the user."""
    values = {}
    for name, example in [("Issuer", "https://idp.example/"), ("Authorizer", "jwt or lambda, empty for jwt")]:
        value = os.environ.get(name.upper(), "")
        if not value and sys.stdin.isatty():
            print(f"{name} ({example}): ", end="", file=sys.stderr, flush=True)
            value = sys.stdin.readline()
        value = value.strip()
        # SAM splits its argument at blanks. It asks again for a value that is left out here.
        if value and not any(character.isspace() or character in "\"'" for character in value):
            values[name] = value
    return values


def issuers(values: dict[str, str], authorizer: str) -> list[tuple[str, str, str | None]]:
    """The parameter, the issuer and its jwksUri, for each issuer that the authorizer accepts."""
    first = ("Issuer", values["Issuer"], None)
    if authorizer != "lambda" or not values.get("Issuers", "").strip():
        return [first]
    try:
        entries = json.loads(values["Issuers"])
        more = [
            (f"Issuers, index {index}", entry["issuer"].replace("{tenantid}", (entry.get("tenants") or [""])[0]), entry.get("jwksUri"))
            for index, entry in enumerate(entries)
        ]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        sys.exit('deploy: invalid Issuers: expected a JSON array of objects such as {"issuer": "https://…", "audiences": ["…"]}')
    # An entry for Issuer replaces it.
    return more if any(issuer == first[1] for _, issuer, _ in more) else [first, *more]


def check_keys(issuer: str, jwks_uri: str | None, authorizer: str) -> list[dict]:
    """The keys of the issuer that the authorizer can use: at least one."""
    uri = jwks_uri or discover(issuer)
    document = fetch(uri)
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise Unusable(f"{uri} is not a key set (a JSON object with `keys`): correct the issuer")
    usable = [key for key in keys if isinstance(key, dict) and is_usable(key, authorizer)]
    if usable:
        return usable
    found = ", ".join(sorted({describe(key) for key in keys if isinstance(key, dict)})) or "none"
    if authorizer == "jwt":
        raise Unusable(f"API Gateway's authorizer verifies RSA signatures only, and the keys at {uri} are: {found}. Set Authorizer=lambda")
    raise Unusable(f"it has no RSA, EC or Ed25519 key for signatures; the keys at {uri} are: {found}. Ask the provider for one")


def is_usable(key: dict, authorizer: str) -> bool:
    # API Gateway finds a key only by its `kid`.
    named = authorizer != "jwt" or bool(key.get("kid"))
    algorithms = ALGORITHMS.get((authorizer, str(key.get("kty"))), set())
    return named and key.get("use", "sig") == "sig" and (key["alg"] in algorithms if key.get("alg") else bool(algorithms))


def describe(key: dict) -> str:
    return " ".join(str(key[name]) for name in ["kty", "crv", "alg", "use"] if key.get(name)) + ("" if key.get("kid") else " without kid")


def discover(issuer: str) -> str:
    """OpenID Connect Discovery 1.0 §4: the document must name the same issuer."""
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    document = fetch(url)
    document = document if isinstance(document, dict) else {}
    if document.get("issuer") != issuer:
        raise Unusable(f"{url} says that the issuer is {document.get('issuer')!r}: set the parameter to exactly that")
    if not isinstance(document.get("jwks_uri"), str):
        raise Unusable(f"{url} has no jwks_uri: use an OpenID Connect provider")
    return document["jwks_uri"]


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Authorizers follow no redirects."""

    def redirect_request(self, *_):
        return None


def fetch(url: str):
    # Tests start an issuer on this machine, which a proxy cannot reach.
    local = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    if urlsplit(url).scheme != "https" and not local:
        raise Unusable(f"{url} is not an https URL: use one")
    # The proxy settings of the environment (HTTPS_PROXY, NO_PROXY) are used.
    proxies = [urllib.request.ProxyHandler({})] if local else []
    opener = urllib.request.build_opener(NoRedirects, *proxies)
    try:
        with opener.open(url, timeout=SECONDS) as response:
            body = response.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        # A server that answers is the issuer's, or a proxy's.
        raise Unreachable(f"{url} answered {error.code}") from error
    # HTTPException: the answer is not HTTP. ValueError: the text is not a URL.
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(f"{url}: {getattr(error, 'reason', error)}") from error
    if len(body) > MAX_BYTES:
        raise Unusable(f"the document {url} is longer than {MAX_BYTES} bytes: API Gateway reads no more")
    try:
        return json.loads(body)
    except ValueError:
        raise Unreachable(f"{url} answered something else than JSON") from None


if __name__ == "__main__":
    main()
