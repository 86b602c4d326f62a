"""`make deploy` compares the keys of the issuers with the authorizer."""

import json
import os
import pty
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "infra/deploy/issuer_keys.py"

RSA = {"kty": "RSA", "kid": "1", "use": "sig", "n": "AQ", "e": "AQAB"}
EC = {"kty": "EC", "kid": "2", "crv": "P-256", "x": "AQ", "y": "AQ"}


@pytest.fixture
def provider():
    """An issuer on this machine. Its `documents` are the answers, by path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            document = self.server.documents.get(self.path)
            if isinstance(document, str):
                self.send_response(302)
                self.send_header("Location", document)
                self.end_headers()
                return
            body = json.dumps(document).encode()
            self.send_response(404 if document is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.documents = {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def publish(provider, keys: list, path: str = "") -> str:
    """Serves the documents of an issuer with these keys."""
    issuer = provider.url + path
    provider.documents[f"{path}/.well-known/openid-configuration"] = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
    provider.documents[f"{path}/jwks"] = {"keys": keys}
    return issuer


@pytest.fixture
def check(tmp_path):
    """Checks the issuers of a stack with these parameters."""

    def run(force: str = "", **values: str) -> subprocess.CompletedProcess:
        stored = json.dumps(overrides(values))
        config = tmp_path / "samconfig.toml"
        config.write_text(f'[default.deploy.parameters]\nstack_name = "s"\nparameter_overrides = {stored}\n')
        return script(SAM_CONFIG_FILE=str(config), FORCE=force)

    return run


def overrides(values: dict[str, str]) -> str:
    """The parameters as SAM stores them."""
    return " ".join('{}="{}"'.format(name, value.replace('"', '\\"')) for name, value in values.items())


def script(**variables: str) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", **variables}
    return subprocess.run([sys.executable, SCRIPT], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)


@pytest.mark.parametrize(
    "keys, jwt, lambda_",
    [
        ([RSA, EC], True, True),
        ([EC], False, True),
        ([{"kty": "OKP", "kid": "3", "crv": "Ed25519", "x": "AQ"}], False, True),
        ([RSA | {"alg": "RS256"}], True, True),
        ([RSA | {"alg": "PS256"}], False, True),
        ([RSA | {"use": "enc"}], False, False),
        ([RSA | {"kid": None}], False, True),
        ([{"kty": "oct", "kid": "4"}], False, False),
        ([], False, False),
    ],
)
def test_keys_that_the_authorizer_cannot_use_are_refused(provider, check, keys, jwt, lambda_):
    issuer = publish(provider, keys)
    for authorizer, is_usable in [("jwt", jwt), ("lambda", lambda_)]:
        checked = check(Issuer=issuer, Authorizer=authorizer)
        assert (checked.returncode == 0) == is_usable, checked
        assert is_usable or f"with Authorizer={authorizer}, every bearer of {issuer} (Issuer) would be refused" in checked.stderr
    assert check(Issuer=issuer).returncode == (0 if jwt else 1), "jwt is the default"


def test_a_refusal_names_the_remedy_and_can_be_overridden(provider, check):
    issuer = publish(provider, [EC])
    refused = check(Issuer=issuer)
    assert "EC P-256. Set Authorizer=lambda, or add FORCE=issuer-keys" in refused.stderr, refused
    assert check(Issuer=issuer, force="issuer-keys").returncode == 0
    assert check(Issuer=issuer, force="older-release,issuer-keys").returncode == 0
    refused = check(Issuer=issuer, force="new-users older-release")
    assert refused.returncode == 1 and "or add FORCE=new-users,older-release,issuer-keys to" in refused.stderr, refused


def test_each_of_several_issuers_is_checked(provider, check):
    first, other = publish(provider, [EC]), publish(provider, [{"kty": "oct"}], "/other")
    listed = json.dumps([{"issuer": other, "audiences": ["a"]}])
    refused = check(Issuer=first, Authorizer="lambda", Issuers=listed)
    assert refused.returncode == 1 and f"{other} (Issuers, index 0)" in refused.stderr, refused
    assert check(Issuer=publish(provider, [RSA]), Authorizer="jwt", Issuers=listed).returncode == 0, "jwt ignores Issuers"

    publish(provider, [EC], "/t1")
    tenants = json.dumps([{"issuer": f"{provider.url}/{{tenantid}}", "audiences": ["a"], "tenants": ["t1"]}])
    assert check(Issuer=first, Authorizer="lambda", Issuers=tenants).returncode == 0
    own_keys = json.dumps([{"issuer": provider.url + "/none", "audiences": ["a"], "jwksUri": first + "/jwks"}])
    found = check(Issuer=first, Authorizer="lambda", Issuers=own_keys)
    assert (found.returncode, found.stderr) == (0, ""), "jwksUri needs no discovery"
    replaced = json.dumps([{"issuer": other, "audiences": ["a"], "jwksUri": first + "/jwks"}])
    assert check(Issuer=other, Authorizer="lambda", Issuers=replaced).returncode == 0, "the entry replaces Issuer"
    for invalid in ["[1]", "[{}]", "{", '[{"issuer": 1}]']:
        refused = check(Issuer=first, Authorizer="lambda", Issuers=invalid)
        assert refused.returncode == 1 and "invalid Issuers" in refused.stderr, refused


def test_an_issuer_that_cannot_be_reached_is_refused_if_api_gateway_must_reach_it(provider, check):
    elsewhere = publish(provider, [RSA], "/elsewhere")
    provider.documents["/moved/.well-known/openid-configuration"] = f"{elsewhere}/.well-known/openid-configuration"
    for issuer in ["http://127.0.0.1:1", f"{provider.url}/missing", f"{provider.url}/moved", "https://127.0.0.1:1"]:
        refused = check(Issuer=issuer)
        assert refused.returncode == 1 and f"must reach the issuer {issuer} (Issuer)" in refused.stderr, refused
        warned = check(Issuer=issuer, Authorizer="lambda")
        assert warned.returncode == 0 and f"warning: the keys of {issuer} (Issuer) were not checked" in warned.stderr, warned


def test_an_issuer_of_another_name_is_refused(provider, check):
    refused = check(Issuer=publish(provider, [RSA]) + "/")
    assert refused.returncode == 1 and f"says that the issuer is '{provider.url}'" in refused.stderr, refused
    provider.documents["/.well-known/openid-configuration"] = {"issuer": provider.url, "jwks_uri": "http://idp.example/jwks"}
    refused = check(Issuer=provider.url)
    assert refused.returncode == 1 and "http://idp.example/jwks is not an https URL" in refused.stderr, refused
    provider.documents["/.well-known/openid-configuration"] = {"issuer": provider.url}
    assert "has no jwks_uri" in check(Issuer=provider.url).stderr
    publish(provider, [RSA | {"x": "y" * 150_000}])
    assert "is longer than 150000 bytes" in check(Issuer=provider.url).stderr


def test_the_first_deployment_checks_the_issuer_that_it_is_given(provider):
    issuer = publish(provider, [EC])
    given = {"SAM_CONFIG_FILE": "/nonexistent", "ISSUER": issuer}
    assert script(**given).returncode == 1
    checked = script(**given, AUTHORIZER="lambda")
    assert (checked.returncode, checked.stdout) == (0, f"Issuer={issuer} Authorizer=lambda\n"), checked


@pytest.mark.parametrize("given", ["", "https://idp.example/ x", '"https://idp.example/"'])
def test_a_first_deployment_without_an_issuer_that_can_be_checked_is_refused(given):
    first = {"SAM_CONFIG_FILE": "/nonexistent", "ISSUER": given}
    refused = script(**first)
    assert refused.returncode == 1 and "needs a URL" in refused.stderr and "FORCE=issuer-keys" in refused.stderr, refused
    assert script(**first, FORCE="new-users").returncode == 1
    forced = script(**first, FORCE="new-users,issuer-keys")
    assert (forced.returncode, forced.stdout.strip()) == (0, ""), "SAM asks for all of them"


@pytest.mark.parametrize("keys, why", [([EC], "Set Authorizer=lambda"), (None, "needs a URL")], ids=["an issuer", "an empty line"])
def test_the_first_deployment_asks_for_the_issuer(provider, keys, why):
    issuer = publish(provider, keys) if keys else ""
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "SAM_CONFIG_FILE": "/nonexistent"}
    asked = subprocess.Popen([sys.executable, SCRIPT], env=environment, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.write(ours, f"{issuer}\n\n".encode())
    _, said = asked.communicate()
    os.close(ours)
    os.close(theirs)
    assert asked.returncode == 1 and "Issuer (https://idp.example/): " in said and why in said, said
