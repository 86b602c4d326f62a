"""A signed request with any single byte changed is refused, except for the case of a header's
name."""

import http.client
import json
import re
import string
from urllib.parse import urlsplit

import pytest
from sdks import SDKS, Request
from teams import teams_user

LETTERS = string.ascii_letters + string.digits
SIGNED_HEADERS = re.compile(r"(?<=SignedHeaders=)[^&]*")

REQUESTS = {
    "create": ("POST", "/identities", ""),
    "create-with-token": ("POST", "/identities", '{"createTokenWithScopes":["chat"],"expiresInMinutes":60}'),
    "issue": ("POST", "/identities/{}/:issueAccessToken", '{"scopes": ["voip", "chat.join"]}'),
    "revoke": ("POST", "/identities/{}/:revokeAccessTokens", ""),
    "delete": ("DELETE", "/identities/{}", ""),
    # The body belongs to a Teams user, who is only known when the stack runs.
    "exchange": ("POST", "/teamsUser/:exchangeAccessToken", None),
}


class Wire:
    """Sends requests unchanged: it adds, corrects and signs nothing."""

    def __init__(self, endpoint):
        self._connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=10)

    def send(self, message):
        self._connection.putrequest(message["method"], message["target"], skip_host=True, skip_accept_encoding=True)
        for name, value in message["headers"].items():
            self._connection.putheader(name, value)
        self._connection.putheader("Content-Length", str(len(message["body"])))
        self._connection.endheaders(message["body"].encode() or None)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def message(request, sent):
    """A request in parts. Only the signed parts and the signature are repeated."""
    wanted = {"host", "x-ms-date", "x-ms-content-sha256", "authorization"}
    headers = {name.lower(): value for name, value in sent.headers.items() if name.lower() in wanted}
    assert headers.keys() == wanted
    return {"method": request.method, "target": sent.target, "headers": headers, "body": request.body}


def with_header(message, name, value):
    return {**message, "headers": {**message["headers"], name: value}}


def parts(message):
    """Every part that matters: its name, its text, and a function that replaces the text."""
    for name in ("method", "target", "body"):
        yield name, message[name], lambda text, name=name: {**message, name: text}
    for name in ("host", "x-ms-date", "x-ms-content-sha256", "authorization"):
        yield name, message["headers"][name], lambda text, name=name: with_header(message, name, text)


def names_of_headers(authorization):
    """The positions in the list `SignedHeaders=`."""
    return range(*SIGNED_HEADERS.search(authorization).span())


def changes(message, dice):
    for name, text, changed in parts(message):
        names = names_of_headers(text) if name == "authorization" else ()
        for place, byte in enumerate(text):
            # Header names are case-insensitive, so another case is not a change:
            # test_the_case_of_a_signed_header_is_no_change covers it.
            same = byte.lower() + byte.upper() if place in names else byte
            other = dice.choice([letter for letter in LETTERS if letter not in same])
            yield f"{name} byte {place}", changed(text[:place] + other + text[place + 1 :])


def refused(status, body):
    """Refused for the signature, or as an invalid request, such as a target without its slash.

    A request with a valid signature can also get a 401, for the Teams user's token in it.
    """
    if status == 401:
        return json.loads(body)["error"]["code"] == "Denied"
    return status == 400 and not body


@pytest.fixture(scope="session")
def wire(acs):
    return Wire(acs["http"])


def signed(acs, sdk, name, id):
    method, path, body = REQUESTS[name]
    body = json.dumps(teams_user(acs)) if body is None else body
    url = f"{acs['http']}{path.replace('{}', id)}?api-version=2023-10-01"
    request = Request(method, url, body, acs["accessKey"])
    return message(request, sdk.send(request))


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("sdk", SDKS)
def test_a_changed_byte_is_refused(acs, sdks, wire, dice, note, sdk, name):
    create = Request("POST", f"{acs['http']}/identities?api-version=2023-10-01", "", acs["accessKey"])
    id = json.loads(sdks[sdk].send(create).text)["identity"]["id"]
    original = signed(acs, sdks[sdk], name, id)
    believed, count = [], 0
    for count, (what, changed) in enumerate(changes(original, dice), 1):
        if not refused(*wire.send(changed)):
            believed.append(what)
    assert believed == []
    # The change was the only reason for the refusal: the unchanged request is accepted, even if it
    # is sent again.
    assert wire.send(original)[0] in (200, 201, 204)
    note["changed bytes, all refused"] += count


@pytest.mark.parametrize("sdk", SDKS)
def test_the_case_of_a_signed_header_is_no_change(acs, sdks, wire, sdk):
    original = signed(acs, sdks[sdk], "create", "")
    text = original["headers"]["authorization"]
    letters = [place for place in names_of_headers(text) if text[place].isalpha()]
    assert letters
    for place in letters:
        other = text[:place] + text[place].swapcase() + text[place + 1 :]
        status, _ = wire.send(with_header(original, "authorization", other))
        assert status == 201, f"authorization byte {place}"


@pytest.mark.parametrize("header", ["host", "x-ms-date", "x-ms-content-sha256", "authorization"])
def test_a_missing_header_is_refused(acs, sdks, wire, header):
    original = signed(acs, sdks["python"], "create", "")
    headers = {name: value for name, value in original["headers"].items() if name != header}
    assert refused(*wire.send({**original, "headers": headers}))
