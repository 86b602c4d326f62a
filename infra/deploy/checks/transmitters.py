"""Checks the parameter Transmitters by the rules of shared/security-events: a function that reads an invalid value
does not start, and then no event at all is applied.

tests/infra/parameter_values.txt has values on which this check and the functions must agree."""

import re
from typing import Any, NamedTuple

from checks.json_reading import GUID, is_https_or_loopback, is_list_of_texts, members, parsed

# The members of every transmitter, those of each kind that signs its messages, and the kinds.
COMMON = {"name", "kind", "mode"}
SIGNED = {"issuer", "audiences", "jwksUri", "tokenIssuer", "emailIsSubject"}
KINDS = {
    "ssf": SIGNED | {"claims", "criticalSubjectMembers", "delivery", "pollUrl"},
    "back-channel-logout": SIGNED,
    "global-token-revocation": SIGNED | {"clientIds", "opaqueIsSubject"},
    "apple": SIGNED,
    "google": SIGNED,
    "scim": {"tokenIssuer", "subject", "tenant"},
    "graph": {"tenants", "clientId", "notificationUrl", "graphUrl", "loginUrl", "tokenIssuer"},
}

# What these kinds take if `issuer` is missing.
KNOWN = {
    "apple": {"issuer": "https://appleid.apple.com", "tokenIssuer": "https://appleid.apple.com"},
    "google": {"issuer": "https://accounts.google.com/", "tokenIssuer": "https://accounts.google.com"},
}

# Stands for the ID of a user's tenant in an issuer of Microsoft.
TENANT = "{tenantid}"


class AcceptedUsers(NamedTuple):
    """Whose tokens a deployment accepts, and which claims name a user."""

    issuer: str
    other_issuers: bool
    claims: list[str]


def users_of(values: dict[str, str]) -> AcceptedUsers | None:
    """The users of a deployment with these parameters; None if its issuer is not among them."""
    if "Issuer" not in values:
        return None
    other_issuers = values.get("Authorizer") == "lambda" and bool(values.get("Issuers"))
    return AcceptedUsers(values["Issuer"], other_issuers, values.get("SubjectClaims", "sub").split(","))


def check_secret(text: str, secret: str) -> None:
    """Raises ValueError if one of these transmitters, which are valid, cannot work without TransmitterSecretArn."""
    for entry in parsed(text) if text.strip() and not secret else []:
        if entry["kind"] == "graph":
            raise ValueError(f"{entry['name']!r} is of the kind graph, which needs its `clientSecret`: set TransmitterSecretArn, too. Functions do not start without it")
        if entry.get("delivery") == "poll":
            raise ValueError(f"the `delivery` of {entry['name']!r} is poll, which needs credentials: set TransmitterSecretArn, too. Without it, nothing fetches the messages")


def check_transmitters(text: str, users: AcceptedUsers | None = None) -> None:
    """Raises ValueError if a function would not start with this value. What depends on other parameters is only checked
    if `users` are given."""
    if not text.strip():
        return
    entries = parsed(text)
    if not isinstance(entries, list) or not entries:
        raise ValueError('must be a JSON array like [{"name": "idp", "kind": "ssf", …}], or empty')
    for index, entry in enumerate(entries):
        try:
            check_transmitter(entry, users)
            if entry["name"] in [earlier["name"] for earlier in entries[:index]]:
                raise ValueError("the `name` is used twice")
        except ValueError as error:
            raise ValueError(f"invalid transmitter at index {index}: {error}") from None


def check_transmitter(entry: Any, users: AcceptedUsers | None) -> None:
    if not isinstance(entry, dict):
        raise ValueError("must be a JSON object")
    name, kind = text_of(entry, "name", "kind")
    if not re.fullmatch("[a-z0-9-]{1,32}", name):
        raise ValueError("`name` must be 1 to 32 lower-case letters, digits and hyphens")
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}")
    members(entry, f"the kind {kind}", COMMON | KINDS[kind])
    if entry.get("mode", "apply") not in ("apply", "shadow"):
        raise ValueError("`mode` must be apply or shadow")
    if kind == "scim":
        check_scim(entry, users)
    elif kind == "graph":
        check_graph(entry, users)
    else:
        check_signed(entry if "issuer" in entry else KNOWN.get(kind, {}) | entry, users)
        check_kind(entry, kind)


def check_signed(entry: dict[str, Any], users: AcceptedUsers | None) -> None:
    """The members that say who signs the messages, for whom, and about whose users."""
    [issuer] = text_of(entry, "issuer")
    check_urls(entry, "issuer", "jwksUri")
    check_texts(entry, "audiences")
    check_flag(entry, "emailIsSubject")
    if users and len(users.claims) > 1:
        raise ValueError("its messages name a user by one value, but SubjectClaims has several claims: this kind can only be used with one")
    check_accepted(optional_text(entry, "tokenIssuer") or issuer, users)


def check_kind(entry: dict[str, Any], kind: str) -> None:
    """The other members of the kinds whose messages are signed."""
    if kind == "ssf":
        check_texts(entry, *entry.keys() & {"claims", "criticalSubjectMembers"})
        delivery = entry.get("delivery", "push")
        if delivery not in ("push", "poll"):
            raise ValueError("`delivery` must be push or poll")
        if delivery == "poll":
            text_of(entry, "pollUrl")
            check_urls(entry, "pollUrl")
        elif "pollUrl" in entry:
            raise ValueError("`pollUrl` is only allowed if `delivery` is poll")
    if kind == "global-token-revocation":
        check_texts(entry, "clientIds")
        check_flag(entry, "opaqueIsSubject")


def check_scim(entry: dict[str, Any], users: AcceptedUsers | None) -> None:
    [token_issuer] = text_of(entry, "tokenIssuer")
    check_accepted(token_issuer, users)
    if entry.get("subject", "id") not in ("externalId", "userName", "id"):
        raise ValueError("`subject` must be externalId, userName or id")
    tenant = optional_text(entry, "tenant")
    if users is None:
        return
    if users.claims == ["tid", "oid"]:
        if tenant is None:
            raise ValueError("`tenant` is missing: with SubjectClaims tid,oid, it must be the value of tid")
    elif len(users.claims) > 1:
        raise ValueError("SCIM names a user by one value, so SubjectClaims must be one claim or tid,oid")
    elif tenant is not None:
        raise ValueError("`tenant` is only allowed if SubjectClaims is tid,oid")


def check_graph(entry: dict[str, Any], users: AcceptedUsers | None) -> None:
    check_texts(entry, "tenants")
    client, notification_url = text_of(entry, "clientId", "notificationUrl")
    if not all(re.fullmatch(GUID, one) for one in [client, *entry["tenants"]]):
        raise ValueError("`clientId` and each of `tenants` must be a GUID, such as 11111111-2222-3333-4444-555555555555")
    if not is_partner_topic(notification_url) and (not is_https_or_loopback(notification_url) or re.search(r"[?#]|/\Z", notification_url)):
        raise ValueError("`notificationUrl` must be an https URL without a query and without a slash at its end, or `EventGrid:?` with azuresubscriptionid, resourcegroup, partnertopic and location")
    for name in ["graphUrl", "loginUrl"]:
        if not re.fullmatch(BASE_URL, optional_text(entry, name) or "https://default"):
            raise ValueError(f"`{name}` must be an https URL without a path")
    login = entry.get("loginUrl", "https://login.microsoftonline.com").removesuffix("/")
    issuer = optional_text(entry, "tokenIssuer") or f"{login}/{TENANT}/v2.0"
    if len(entry["tenants"]) > 1 and TENANT not in issuer:
        raise ValueError(f"`tokenIssuer` must contain {TENANT}, because there are several tenants")
    for tenant in entry["tenants"]:
        check_accepted(issuer.replace(TENANT, tenant.lower()), users)
    if users and not (set(users.claims) <= {"tid", "oid"} and "oid" in users.claims):
        raise ValueError("Microsoft Graph knows a user by tenant and object ID, so SubjectClaims must be oid or tid,oid")


# The client secret is sent to these addresses.
BASE_URL = r"(https://[A-Za-z0-9.-]|http://(localhost|127\.0\.0\.1)(?=[:/]|\Z))[A-Za-z0-9.:-]*/?"


def is_partner_topic(url: str) -> bool:
    """Whether this is the form in which Graph takes a partner topic of Azure Event Grid."""
    pairs = [pair.partition("=")[::2] for pair in url.removeprefix("EventGrid:?").split("&")]
    values = dict(pairs)
    return (
        url.startswith("EventGrid:?") and len(pairs) == 4
        and values.keys() == {"azuresubscriptionid", "resourcegroup", "partnertopic", "location"}
        and all(re.fullmatch("[A-Za-z0-9_.()-]+", value) for value in values.values())
        and bool(re.fullmatch(GUID, values["azuresubscriptionid"]))
    )


def check_accepted(token_issuer: str, users: AcceptedUsers | None) -> None:
    """A record of a user of another issuer would belong to a user who can never call."""
    if users and not users.other_issuers and comparable(token_issuer) != comparable(users.issuer):
        raise ValueError(f"it is about users of the issuer {token_issuer!r}, whose tokens this deployment does not accept: set `tokenIssuer` to Issuer, or add the issuer to Issuers")


def comparable(issuer: str) -> str:
    """The issuer with its scheme and host in lower case, and without a slash at its end."""
    return re.sub(r"\A([^/]*://)?[^/]*", lambda origin: origin[0].lower(), issuer.removesuffix("/"))


def text_of(entry: dict[str, Any], *names: str) -> list[str]:
    """Members that must be text."""
    for name in names:
        if optional_text(entry, name) is None:
            raise ValueError(f"the member `{name}` is missing")
    return [entry[name] for name in names]


def optional_text(entry: dict[str, Any], name: str) -> str | None:
    if name in entry and not (isinstance(entry[name], str) and entry[name]):
        raise ValueError(f"`{name}` must be text that is not empty")
    return entry.get(name)


def check_urls(entry: dict[str, Any], *names: str) -> None:
    for name in names:
        url = optional_text(entry, name)
        if url is not None and not is_https_or_loopback(url):
            raise ValueError(f"`{name}` must be an https URL")


def check_texts(entry: dict[str, Any], *names: str) -> None:
    for name in names:
        if not is_list_of_texts(entry.get(name)) or not entry[name]:
            raise ValueError(f"`{name}` must be an array of texts, with at least one")


def check_flag(entry: dict[str, Any], name: str) -> None:
    if not isinstance(entry.get(name, False), bool):
        raise ValueError(f"`{name}` must be true or false")
