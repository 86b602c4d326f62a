"""Random requests, mostly valid and otherwise with all kinds of errors, the same for every SDK."""

import base64
import json
from dataclasses import dataclass
from urllib.parse import quote

VERSIONS = ["2021-03-07", "2022-06-01", "2022-10-01", "2023-10-01", "2025-06-30", "2026-09-23"]
SCOPES = ["chat", "voip", "chat.join", "chat.join.limited", "voip.join"]
OPERATIONS = ["create", "issue", "revoke", "delete", "exchange", "nowhere"]
# Each SDK has this many identities of its own, and the same happens to the identities of each SDK.
IDENTITIES = 6
FOREIGN = "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Case:
    """A request without its identity: `{}` in the path stands for the identity's id."""

    method: str
    path: str
    identity: int
    body: str
    key: str
    skew: int

    def target(self, ids):
        return self.path.replace("{}", ids[self.identity])


def wrong(dice):
    """Whether to make an error in the next step."""
    return dice.random() < 0.06


def text(dice):
    return "".join(chr(dice.choice([dice.randint(32, 126), dice.randint(161, 0xD7FF)])) for _ in range(8))


def value(dice):
    """A value that may be in a body, and is rarely valid."""
    return dice.choice([None, True, 0, -1, 2**40, 60.5, "", text(dice), [], [None], {}, ["chat", 1], {"a": []}])


def scopes(dice):
    if wrong(dice):
        return value(dice)
    return dice.choices(SCOPES + ([text(dice)] if wrong(dice) else []), k=dice.randint(1, 4))


def minutes(dice):
    return value(dice) if wrong(dice) else dice.choice([60, 1440, dice.randint(61, 1439), 59, 1441])


def members(dice, operation, teams):
    if operation == "create":
        given = {"createTokenWithScopes": scopes(dice), "expiresInMinutes": minutes(dice)}
    elif operation == "issue":
        given = {"scopes": scopes(dice), "expiresInMinutes": minutes(dice)}
    elif operation == "exchange":
        given = {name: value(dice) if wrong(dice) else right for name, right in teams.items()}
    else:
        return None
    given = {name: it for name, it in given.items() if not wrong(dice)}
    return {**given, text(dice): value(dice)} if wrong(dice) else given


def body(dice, operation, teams):
    given = members(dice, operation, teams)
    if given is None:
        return "" if not wrong(dice) else dice.choice(["{}", text(dice)])
    if wrong(dice):
        return dice.choice(["", "{}", "null", "[]", "{", text(dice), '{"scopes":["chat"]', "\ufeff{}"])
    return json.dumps(given, ensure_ascii=dice.random() < 0.5)


def identity(dice):
    """One of the spellings of an id."""
    if not wrong(dice):
        return "{}"
    return quote(dice.choice([FOREIGN, "8:acs:x", "8:orgid:x", "x", text(dice)]), safe=dice.choice(["", ":"]))


def path(dice, operation):
    return {
        "create": "/identities",
        "issue": f"/identities/{identity(dice)}/:issueAccessToken",
        "revoke": f"/identities/{identity(dice)}/:revokeAccessTokens",
        "delete": f"/identities/{identity(dice)}",
        "exchange": "/teamsUser/:exchangeAccessToken",
        "nowhere": dice.choice(["/", "/identities/", "/identities/{}/x", f"/{quote(text(dice), safe='')}"]),
    }[operation]


def query(dice):
    # The SDK for JavaScript signs its own spelling of a query, so each query here has only one
    # spelling.
    version = dice.choice(["", "1", "2023-10-02", "2099-01-01"]) if wrong(dice) else dice.choice(VERSIONS)
    pairs = [] if wrong(dice) else [f"api-version={version}"]
    if wrong(dice):
        pairs.insert(dice.randint(0, len(pairs)), f"x{dice.randint(0, 9)}={dice.randint(0, 99)}")
    return "?" + "&".join(pairs) if pairs else ""


def case(dice, key, teams):
    operation = dice.choice(OPERATIONS)
    method = "DELETE" if operation == "delete" else "POST"
    return Case(
        method=dice.choice(["GET", "PUT", "PATCH", "DELETE", "POST"]) if wrong(dice) else method,
        path=path(dice, operation) + query(dice),
        identity=dice.randrange(IDENTITIES),
        body=body(dice, operation, teams),
        key=base64.b64encode(dice.randbytes(64)).decode() if wrong(dice) else key,
        # Five minutes are allowed; the margin of a few seconds is for slow machines.
        skew=dice.choice([-290, 290, -310, 310, -86400, 86400]) if wrong(dice) else 0,
    )
