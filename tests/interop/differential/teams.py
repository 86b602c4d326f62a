"""A Teams user, whose token can be exchanged."""

import json
import urllib.request


def teams_user(acs):
    """The body of an exchange that succeeds."""
    url = f"{acs['http']}/_emulator/entra/token"
    with urllib.request.urlopen(url, data=b"{}", timeout=10) as answer:
        order = json.load(answer)
    return {"token": order["token"], "appId": order["claims"]["appid"], "userId": order["claims"]["oid"]}
