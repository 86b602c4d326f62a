"""Checks the parameters whose value is JSON, and SubjectClaims, by the rules of the functions, which do not start with an
invalid value. The patterns in the template say only how such a value begins and ends.

tests/infra/parameter_values.txt has values on which these checks and the functions must agree."""

import re
from collections.abc import Callable
from typing import Any

from checks.json_reading import GUID, is_https_or_loopback, is_list_of_texts, members, parsed
from checks.transmitters import check_transmitters

SCOPES = ["chat", "chat.join", "chat.join.limited", "voip", "voip.join"]

# The name of an ACS resource.
RESOURCE = "[a-z0-9-]{1,16}"

# Claims that can be lists. API Gateway passes a list as `[a b]`.
LISTS = ["amr", "aud", "entitlements", "group", "groups", "permissions", "role", "roles", "scopes", "scp", "wids"]


def check_policy(text: str) -> None:
    policy = members(parsed(text), "the policy", {"rules", "otherwise", "guests"})
    rules = policy.get("rules", [])
    if not isinstance(rules, list):
        raise ValueError("`rules` must be an array")
    for index, rule in enumerate(rules):
        check_claims(members(rule, f"rule {index + 1}", {"if", *GRANT}).get("if"))
        check_grant(rule)
    if "otherwise" in policy:
        check_grant(members(policy["otherwise"], "`otherwise`", GRANT))
    if policy.get("guests") is not None:
        check_guests(members(policy["guests"], "`guests`", GUESTS))


GRANT = {"scopes", "maxLifetimeMinutes", "defaultLifetimeMinutes", "lifetimeSpread", "resource"}


def check_grant(grant: dict[str, Any]) -> None:
    scopes = grant.get("scopes")
    if not is_list_of_texts(scopes) or not scopes or len(set(scopes)) < len(scopes) or not set(scopes) <= set(SCOPES):
        raise ValueError(f"`scopes` must be one or more of {', '.join(SCOPES)}, each once")
    longest, default = grant.get("maxLifetimeMinutes"), grant.get("defaultLifetimeMinutes")
    longest, default = 1440 if longest is None else longest, 60 if default is None else default
    if not all(type(minutes) is int and 60 <= minutes <= 1440 for minutes in [longest, default]) or default > longest:
        raise ValueError("lifetimes must be 60 to 1440 minutes, and the default not larger than the maximum")
    spread = grant.get("lifetimeSpread")
    if spread is not None and not (type(spread) is int and 0 <= spread <= 50):
        raise ValueError("`lifetimeSpread` must be a whole number from 0 to 50")
    resource = grant.get("resource")
    if resource is not None and not (isinstance(resource, str) and re.fullmatch(RESOURCE, resource)):
        raise ValueError("`resource` must be the name of an ACS resource: 1 to 16 lower-case letters, digits and hyphens")


GUESTS = {"scopes", "maxLifetimeMinutes", "maxDays", "maxDevices", "pin", "deleteAfterHours", "resource", "meetingHosts"}


def check_guests(guests: dict[str, Any]) -> None:
    check_grant({"scopes": ["voip.join"]} | {name: guests[name] for name in guests.keys() & {"scopes", "resource"}})
    for name, (least, most) in {
        "maxLifetimeMinutes": (60, 1440), "maxDays": (1, 366), "maxDevices": (1, 100), "deleteAfterHours": (0, 168),
    }.items():
        if name in guests and not (type(guests[name]) is int and least <= guests[name] <= most):
            raise ValueError(f"`{name}` of `guests` must be a whole number from {least} to {most}")
    if guests.get("pin", "optional") not in ("optional", "required"):
        raise ValueError("`pin` of `guests` must be optional or required")
    hosts = guests.get("meetingHosts", [])
    if not isinstance(hosts, list) or not all(isinstance(host, str) and is_host(host) for host in hosts):
        raise ValueError("`meetingHosts` of `guests` must be names of hosts, such as teams.example.com")


def is_host(name: str) -> bool:
    return len(name) <= 253 and bool(re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name))


def check_placement(text: str) -> None:
    """The rules of the functions that call ACS."""
    shares = parsed(text)
    if not isinstance(shares, dict):
        raise ValueError("must be a JSON object whose members are the names of ACS resources")
    for name, share in shares.items():
        if not re.fullmatch(RESOURCE, name):
            raise ValueError(f"the name {name!r} of a resource must be 1 to 16 lower-case letters, digits and hyphens")
        state, weight = members(share, f"resource {name!r}", {"state", "weight"}).get("state", "open"), share.get("weight")
        if state not in ("open", "draining"):
            raise ValueError(f"the state of resource {name!r} must be open or draining")
        if weight is not None and (state == "draining" or type(weight) is not int or not 1 <= weight <= 1000):
            raise ValueError(f"the weight of resource {name!r} must be a whole number from 1 to 1000, and a draining one has none")
    if shares and all(share.get("state") == "draining" for share in shares.values()):
        raise ValueError("no resource is open: one must get the new identities")


def check_resources(policy: str, placement: str) -> list[str]:
    """The resources of a policy that AcsPlacement does not list. Raises ValueError if one of them is
    draining, with which the functions that use the policy do not start."""
    shares, named = placement_of(placement), sorted(resources_of(policy))
    for name in named:
        if shares.get(name, {}).get("state") == "draining":
            raise ValueError(f"Policy names the resource {name!r}, which is draining in AcsPlacement: name an open resource, or leave it out")
    return [name for name in named if name not in shares]


def named_resources(policy: str, placement: str) -> set[str]:
    """The resources without whose connection string functions do not start."""
    return placement_of(placement).keys() | resources_of(policy)


def placement_of(text: str) -> dict[str, Any]:
    return parsed(text or "{}") or {"main": {}}


def resources_of(policy: str) -> set[str]:
    rules = parsed(policy or "{}")
    grants = [*rules.get("rules", []), rules.get("otherwise", {}), rules.get("guests") or {}]
    return {name for grant in grants if (name := grant.get("resource")) is not None}


def check_phone(text: str) -> None:
    """The rules of the function provide-teams-phone."""
    if not text.strip():
        return
    phone = members(parsed(text), "the object", PHONE)
    for name in ["tenants", "clients"]:
        ids = phone.get(name)
        if not is_list_of_texts(ids) or not ids or not all(re.fullmatch(GUID, one) for one in ids):
            raise ValueError(f"`{name}` must be an array with at least one GUID")
    kinds = phone.get("principalTypes", ["user"])
    if not is_list_of_texts(kinds) or not kinds or not all(re.fullmatch("[A-Za-z0-9._-]{1,64}", one) for one in kinds):
        raise ValueError("`principalTypes` must be an array with user, resourceAccount or both")
    if phone.get("administrators") is not None:
        check_claims(phone["administrators"])
    if not isinstance(phone.get("assignOnFirstExchange", False), bool):
        raise ValueError("`assignOnFirstExchange` must be true or false")
    if phone.get("resourceAccountName", "resourceAccount") not in ("resourceAccount", "teamsResourceAccount"):
        raise ValueError("`resourceAccountName` must be resourceAccount or teamsResourceAccount")
    authority = phone.get("authority", "https://login.microsoftonline.com")
    starts = ("https://", "http://127.0.0.1:", "http://localhost:")
    if not isinstance(authority, str) or not authority.startswith(starts) or authority.endswith("/"):
        raise ValueError("`authority` must be an https URL without a slash at its end")


PHONE = {
    "tenants", "clients", "principalTypes", "administrators", "assignOnFirstExchange", "resourceAccountName", "authority",
}


def check_condition(text: str) -> None:
    # An empty value closes the administrators' routes.
    if text:
        check_claims(parsed(text))


def check_claims(claims: Any) -> None:
    """Checks the claims of a condition. Without any, it would be met by every caller."""
    if not isinstance(claims, dict) or not claims:
        raise ValueError("a condition must be a JSON object with at least one claim")
    for name, value in claims.items():
        if not is_comparable(value):
            raise ValueError(f"the value of claim {name!r} must be text, a whole number, true or false")
        can_be_list = re.split("[/:]", name)[-1] in LISTS and not name.startswith(("custom:", "/"))
        if can_be_list and " " in str(value):
            pointer = name.replace("~", "~0").replace("/", "~1")
            raise ValueError(f"claim {name!r} can be a list, so its value cannot have a space, unless it is named '/{pointer}'")


def is_comparable(value: Any) -> bool:
    # A number with a fraction has several spellings, of which a token can have any.
    return isinstance(value, str) or (isinstance(value, int) and -(2**63) <= value < 2**64)


def check_issuers(text: str) -> None:
    """The rules of the function authorize-caller."""
    if not text.strip():
        return
    entries = parsed(text)
    if not isinstance(entries, list):
        raise ValueError('must be a JSON array like [{"issuer": "https://…", "audiences": ["…"]}]')
    for index, entry in enumerate(entries):
        try:
            check_issuer(members(entry, "the entry", ISSUER_MEMBERS))
            if entry["issuer"] in [earlier["issuer"] for earlier in entries[:index]]:
                raise ValueError("the issuer is listed twice")
        except ValueError as error:
            raise ValueError(f"invalid entry at index {index}: {error}") from None


ISSUER_MEMBERS = {"issuer", "audiences", "jwksUri", "tenants", "issuedEarlySeconds"}


def check_issuer(entry: dict[str, Any]) -> None:
    issuer, keys, tenants = entry.get("issuer"), entry.get("jwksUri"), entry.get("tenants", [])
    early = entry.get("issuedEarlySeconds")
    if not isinstance(issuer, str) or not is_https_or_loopback(issuer) or re.search("[?# ]", issuer):
        raise ValueError("`issuer` must be an https URL without query and fragment")
    if not is_list_of_texts(entry.get("audiences")) or not entry["audiences"]:
        raise ValueError("`audiences` must be an array with at least one audience, and none may be empty")
    if keys is not None and not (isinstance(keys, str) and is_https_or_loopback(keys)):
        raise ValueError("`jwksUri` must be an https URL")
    if not is_list_of_texts(tenants) or bool(tenants) != ("{tenantid}" in issuer):
        raise ValueError("`tenants` must be an array with at least one tenant exactly if `issuer` contains {tenantid}")
    if early is not None and not (type(early) is int and 0 <= early <= 600):
        raise ValueError("`issuedEarlySeconds` must be a whole number from 0 to 600")


def check_subject_claims(text: str) -> None:
    """The rules of all functions that name a user."""
    names = text.split(",")
    if len(names) > 5 or len(set(names)) < len(names) or not all(re.fullmatch("[!-~]+", name) for name in names):
        raise ValueError("must be one to five different names of claims, separated by commas, without spaces")


# Each raises ValueError with the reason if the value is invalid.
CHECKS: dict[str, Callable[[str], None]] = {
    "Policy": check_policy,
    "AdminCondition": check_condition,
    "AcsPlacement": check_placement,
    "TeamsPhone": check_phone,
    "Issuers": check_issuers,
    "SubjectClaims": check_subject_claims,
    "Transmitters": check_transmitters,
}
