"""The emulator gives the same answer to a request, whichever SDK signed it."""

import json
from collections import Counter
from urllib.parse import unquote

from random_requests import IDENTITIES, case
from sdks import Request
from teams import teams_user

CASES = 400


def identities(acs, sdk):
    """As many identities as the cases use."""
    request = Request("POST", f"{acs['http']}/identities?api-version=2023-10-01", "", acs["accessKey"])
    return [json.loads(sdk.send(request).text)["identity"]["id"] for _ in range(IDENTITIES)]


def shape(value):
    """For a success, the names of its members, which are equal although ids and tokens differ."""
    return {name: shape(it) for name, it in value.items()} if isinstance(value, dict) else None


def verdict(sent, ids):
    """Status, code of a refusal, and the body without the values that differ between SDKs."""
    if not sent.text:
        return sent.status, None, None
    answer = json.loads(sent.text)
    if sent.status < 400:
        return sent.status, None, shape(answer)
    text = unquote(sent.text)  # a refusal may quote the path, which SDKs escape as they like
    for id in ids:
        text = text.replace(id, "{}")
    return sent.status, answer["error"]["code"], text


def test_every_sdk_gets_the_same_verdict(acs, sdks, dice, note):
    teams = teams_user(acs)
    ids = {name: identities(acs, sdk) for name, sdk in sdks.items()}
    seen = Counter()
    for number in range(CASES):
        drawn = case(dice, acs["accessKey"], teams)
        verdicts = {}
        for name, sdk in sdks.items():
            url = acs["http"] + drawn.target(ids[name])
            sent = sdk.send(Request(drawn.method, url, drawn.body, drawn.key, drawn.skew))
            verdicts[name] = verdict(sent, ids[name])
        first, *others = verdicts.values()
        assert all(other == first for other in others), (number, drawn.method, drawn.path, drawn.body, verdicts)
        seen[first[:2]] += 1
    # A generator that produces only errors, or none, would prove nothing.
    statuses = {status for status, _ in seen}
    assert statuses >= {200, 201, 204, 400, 401}, seen
    for (status, code), count in seen.items():
        note[f"requests by every SDK, alike answered {status} {code or ''}".strip()] += count
