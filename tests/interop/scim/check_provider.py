"""Checks the SCIM service with scim2-tester, which sends what RFC 7643 and RFC 7644 demand, and with
requests of Microsoft's reference for provisioning."""

import json
import os
import sys
from collections import Counter
from pathlib import Path

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import check_server
from scim2_tester.utils import Status

FIXTURES = Path(__file__).resolve().parents[3] / "shared/scim-users/tests/fixtures"


def service() -> Client:
    stack = json.loads(Path(os.environ["STACK_JSON"]).read_text())
    [scim] = [one for one in stack["transmitters"] if one["kind"] == "scim"]
    return Client(
        base_url=scim["url"],
        headers={"Authorization": f"Bearer {scim['token']}"},
        trust_env=False,
        timeout=30,
    )


def check_rfcs(http: Client) -> list[str]:
    client = SyncSCIMClient(http)
    client.discover()
    results = check_server(client)
    print("scim2-tester:", dict(Counter(result.status.name for result in results)))
    if len(results) < 30:
        return [f"scim2-tester made only {len(results)} checks"]
    wanted = {Status.SUCCESS, Status.SKIPPED, Status.ACCEPTABLE}
    return [f"{one.title}: {one.reason}" for one in results if one.status not in wanted]


def check_entra(http: Client) -> list[str]:
    """The life of a user as Entra sends it."""

    def send(method: str, path: str, fixture: str | None, expected: int) -> dict:
        body = (FIXTURES / "entra" / fixture).read_text() if fixture else None
        media_type = {"Content-Type": "application/scim+json; charset=utf-8"}
        reply = http.request(method, path, content=body, headers=media_type)
        if reply.status_code != expected:
            wrong.append(f"{method} {path} {fixture}: {reply.status_code}, not {expected}: {reply.text}")
        return reply.json() if reply.content else {}

    wrong: list[str] = []
    by_name = '/Users?filter=userName eq "Carol@example.com"'
    if send("GET", by_name, None, 200).get("totalResults") != 0:
        wrong.append("a user was found before it was created")
    user = f"/Users/{send('POST', '/Users', 'create.json', 201).get('id')}"
    send("POST", "/Users", "create.json", 409)
    if send("GET", by_name, None, 200).get("totalResults") != 1:
        wrong.append("the new user was not found by its name")
    for fixture, active in [
        ("update-many-default.json", True),
        ("disable-default.json", False),
        ("update-many-with-flag.json", False),
        ("enable-default.json", True),
        ("disable-with-flag.json", False),
    ]:
        if send("PATCH", user, fixture, 200).get("active") is not active:
            wrong.append(f"after {fixture}, active is not {active}")
    send("DELETE", user, None, 204)
    send("GET", user, None, 404)
    send("DELETE", user, None, 404)
    print("entra: 13 requests")
    return wrong


def main() -> int:
    with service() as http:
        wrong = check_rfcs(http) + check_entra(http)
    print("\n".join(wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
