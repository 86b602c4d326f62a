"""`make deploy CONFIG=…` asks nothing, and refuses an invalid file before anything happens."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import artefacts
from expanded import Stack, source

INFRA = Path(__file__).resolve().parents[4] / "infra"

GUID = "11111111-2222-3333-4444-555555555555"

VPC = "SubnetIds = 'subnet-a,subnet-b'\nSecurityGroupIds = 'sg-a'"

VALID = """
stack = "guestpass"
region = "eu-west-1"

[parameters]
AcsSecretArn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acs"
Issuer = "https://idp.example/"
Audience = ["app", "web"]
RetentionDays = 60
ReservedConcurrency = false
Policy = '{"otherwise": {"scopes": ["chat"]}}'

[tags]
team = "chat"
"""


@pytest.fixture
def validate(tmp_path: Path):
    """Validates a file, and returns what was said and the settings that were written."""

    def run(text: str, **variables: str) -> tuple[subprocess.CompletedProcess, Path]:
        config, settings = tmp_path / "production.toml", tmp_path / "production.samconfig.toml"
        config.write_text(text)
        environment = {"CONFIG": str(config), "SAM_CONFIG_FILE": str(settings), "PATH": "", **variables}
        command = [sys.executable, INFRA / "deploy/config.py"]
        return subprocess.run(command, env=environment, capture_output=True, text=True), settings

    return run


def test_a_valid_file_becomes_the_settings_of_sam(validate):
    ran, settings = validate(VALID)
    assert ran.returncode == 0 and not settings.exists(), ran
    ran, settings = validate(VALID, ARCHITECTURE="x86_64")
    assert ran.returncode == 0, ran
    kept = settings_in(settings)
    assert (kept["stack_name"], kept["region"], kept["confirm_changeset"]) == ("guestpass", "eu-west-1", False)
    assert (kept["resolve_s3"], kept["capabilities"], kept["tags"]) == (True, "CAPABILITY_IAM", '"team"="chat"')
    given = {
        "AcsSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acs", "Issuer": "https://idp.example/",
        "Audience": "app,web", "RetentionDays": "60", "ReservedConcurrency": "no", "Policy": '{"otherwise": {"scopes": ["chat"]}}',
        "Architecture": "x86_64",
    }
    declared = source()["Parameters"]
    others = {name: str(declared[name]["Default"]) for name in declared.keys() - given.keys()}
    assert parameters_in(settings) == given | others


def test_values_that_belong_together_and_the_longest_name_are_accepted(validate):
    text = VALID.replace('"guestpass"', f'"{"s" * 53}"')
    for more in [
        f"{VPC}\nEndpointsVpcId = 'vpc-a'\nEndpointsRouteTableIds = 'rtb-a'",
        "DomainName = 'a.example'\nCertificateArn = 'arn:aws:acm:eu-west-1:123456789012:certificate/a'",
        "CertificateArn = 'arn:aws:acm:eu-west-1:123456789012:certificate/a'",
        *(f"CleanupSchedule = '{schedule}'" for schedule in ["rate(1 minute)", "rate(10 hours)", "rate(2 hours)", "cron(0 * * * ? *)"]),
    ]:
        ran, _ = validate(text.replace("RetentionDays = 60", more))
        assert ran.returncode == 0, ran
    [application] = Stack(source()).of_type("AWS::AppConfig::Application").values()
    assert len(application["Name"].replace("AWS::StackName", "s" * 53)) == 64


def rules(count: int) -> str:
    """A policy with this number of rules of 53 bytes, of which 10 are quotes."""
    return json.dumps({"rules": [{"if": {"role": f"{number:06}"}, "scopes": ["voip", "chat"]} for number in range(count)]})


def test_the_variables_of_a_function_have_at_most_4_kb_as_json(validate):
    issuers = json.dumps([{"issuer": f"https://{number}.example", "audiences": ["a" * 900]} for number in range(3)])
    listed = json.dumps([{"name": f"idp{number}", "kind": "ssf", "issuer": "https://idp.example", "audiences": ["a" * 900]} for number in range(2)])
    secret = "TransmitterSecretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:transmitters'"

    def refused(more: str, policy: str = "{}") -> str:
        ran, _ = validate(VALID.replace("RetentionDays = 60", more).replace('{"otherwise": {"scopes": ["chat"]}}', policy))
        assert (ran.returncode == 0) == (not ran.stderr) and "Traceback" not in ran.stderr, ran
        return ran.stderr

    both = f"Authorizer = 'lambda'\nIssuers = '{issuers}'\nTransmitters = '{listed}'\n{secret}"
    assert len(issuers) < 3000 and len(listed) < 3000
    reason = refused(both)
    assert re.search(rf"the function RevokeOnEvent would have \d+ bytes of environment variables, and Lambda allows 4096\. .* Shorten Issuers \({len(issuers)} bytes\), Transmitters \({len(listed)} bytes\)$", reason), reason
    assert refused(both.replace("'lambda'", "'jwt'")) == "", "without the other authorizer, no function has Issuers"
    assert refused("", rules(45)) == ""
    assert "the function IssueAccessToken would have" in refused("", rules(50))


def test_the_computed_variables_are_those_of_the_template(monkeypatch):
    monkeypatch.syspath_prepend(str(INFRA / "deploy"))
    monkeypatch.setenv("SAM_CONFIG_FILE", "/nonexistent")
    import parameters
    from checks.variables import Deployment

    values = {"Issuer": "https://idp.example", "Audience": "app,web", "AcsSecretArn": "arn:acs", "Policy": rules(1)}
    everything = {"Authorizer": "lambda", "Issuers": "[]", "InviteScope": "invite", "Transmitters": "[]", "TransmitterSecretArn": "arn:t"}
    for given in [values, values | everything]:
        found = Deployment(given, parameters.read_template()).variables()
        expected = {name: one["Environment"]["Variables"] for name, one in Stack(source(), **given).of_type("AWS::Lambda::Function").items()}
        assert found.keys() == expected.keys()
        differing = set()
        for name, variables in expected.items():
            assert found[name].keys() == variables.keys(), name
            differing |= {one for one in variables if found[name][one] != str(variables[one])}
        # Those with the names of resources.
        assert differing == {
            "AUDIT_TABLE_NAME", "CALLER_HASH_SECRET_ARN", "DELETE_IDENTITY", "DEPLOYMENT", "METRICS_NAMESPACE", "NEW_VERSION", "TABLE_NAME",
        } | ({"EVENT_QUEUE_URL", "SCIM_TABLE_NAME"} if "Transmitters" in given else set())


def test_a_parameter_that_is_removed_from_the_file_returns_to_its_default(validate):
    """SAM keeps the deployed value of a parameter that it is not given."""
    more = """RetentionDays = 60
CleanupMode = "apply"
EventSenderAccounts = ["111122223333"]
AcsPlacement = '{"main": {}, "eu2": {}}'
TokensPerSecond = 60"""
    names = ["CleanupMode", "EventSenderAccounts", "AcsPlacement", "TokensPerSecond"]
    for text, values in [
        (VALID.replace("RetentionDays = 60", more), ["apply", "111122223333", '{"main": {}, "eu2": {}}', "60"]),
        (VALID, ["plan", "", "{}", "30"]),
    ]:
        ran, settings = validate(text, ARCHITECTURE="x86_64")
        assert ran.returncode == 0, ran
        deployed = parameters_in(settings)
        assert [deployed[name] for name in names] == values


def settings_in(settings: Path) -> dict:
    return tomllib.loads(settings.read_text())["default"]["deploy"]["parameters"]


def parameters_in(settings: Path) -> dict[str, str]:
    """The parameters that SAM is given."""
    return dict(one.split("=", 1) for one in shlex.split(settings_in(settings)["parameter_overrides"]))


@pytest.mark.parametrize(
    "change, why",
    [
        (("stack =", "stak ="), "unknown key `stak`"),
        (("stack =", "stak ="), "`stack` is missing"),
        (('"eu-west-1"', '"Ireland"'), "`region` is missing or invalid"),
        (("RetentionDays", "RetentionDay"), "unknown parameter `RetentionDay`"),
        (("RetentionDays = 60", "RetentionDays = 1"), "`RetentionDays`: must be a number from 2 to 36500"),
        (("RetentionDays = 60", "CleanupMode = 'aply'"), "`CleanupMode`: must be one of plan, apply"),
        (("RetentionDays = 60", "DefaultEndpoint = 'no'"), "the API would have no address"),
        (("RetentionDays = 60", "Architecture = 'arm64'"), "`Architecture` is that of the build"),
        (("RetentionDays = 60", "AdminScope = 'x\\'"), "SAM cannot store a backslash"),
        (("RetentionDays = 60", f"AdminCondition = '{json.dumps({'role': 'x' * 300})}'"), "`AdminCondition`: is too long"),
        (('Issuer = "https://idp.example/"', ""), "the parameter `Issuer` is missing"),
        (('"https://idp.example/"', '"idp.example"'), "`Issuer`: must be an https URL"),
        (('"web"', '"w eb"'), "`Audience`: must be audiences"),
        (('["chat"]', '["root"]'), "invalid value of `Policy`"),
        (("RetentionDays = 60", """Transmitters = '[{"name": "idp", "knd": "ssf"}]'"""), "`Transmitters`: invalid transmitter at index 0: the member `kind` is missing"),
        (('"chat"\n', "'a\"b'\n"), "invalid tag `team`"),
        (('team =', '"aws:team" ='), "invalid tag `aws:team`"),
        (('"chat"\n', f"'{'x' * 257}'\n"), "invalid tag `team`"),
        (("team =", f'"{"x" * 129}" ='), "invalid tag `xxx"),
        (('team = "chat"\n', "".join(f"tag{number} = 1\n" for number in range(51))), "more than 50 tags"),
        (("[tags]", "[[tags]]"), "must be tables"),
        (("RetentionDays = 60", "CleanupSchedule = 'rate(1 day)'"), "CleanupMissingHours=24 is less than two intervals"),
        (("RetentionDays = 60", "CleanupSchedule = 'cron(0 3 L * ? *)'"), "set CleanupMissingHours, too"),
        (("RetentionDays = 60", "InviteScope = 'guestpass.invite'"), "InviteScope is set, but Policy has no member guests"),
        (('}}\'', '}, "guests": {}}\''), "Policy has the member guests, but InviteScope is empty"),
        (("RetentionDays = 60", "TokensPerSecond = 31"), "`TokensPerSecond`: must be one of 1, 2, "),
        (("RetentionDays = 60", "TokensPerSecond = 40"), "TokensPerSecond=40 is too much: ACS allows 30 for each resource, and one open resource of AcsPlacement gets 1 of 1 parts of the new users. Use at most 30"),
        (("stack", "="), "cannot read CONFIG="),
        (('"guestpass"', f'"{"s" * 54}"'), "`stack` is missing or invalid"),
        (("RetentionDays = 60", "SubjectClaims = 'a,a'"), "`SubjectClaims`: must be one to five different names"),
        (("RetentionDays = 60", "CleanupSchedule = 'rate(10 seconds)'"), "`CleanupSchedule`: must be rate(1 hour)"),
        (("RetentionDays = 60", "CleanupSchedule = 'rate(1 hours)'"), "`CleanupSchedule`: must be rate(1 hour)"),
        (("RetentionDays = 60", "CleanupSchedule = 'rate(5 minute)'"), "`CleanupSchedule`: must be rate(1 hour)"),
        (("RetentionDays = 60", "CleanupSchedule = 'rate(0 hours)'"), "`CleanupSchedule`: must be rate(1 hour)"),
        (("RetentionDays = 60", "SubnetIds = 'subnet-a'"), "SubnetIds is set, but SecurityGroupIds is empty"),
        (("RetentionDays = 60", "SecurityGroupIds = 'sg-a'"), "SecurityGroupIds is set, but SubnetIds is empty"),
        (("RetentionDays = 60", "EndpointsVpcId = 'vpc-a'\nEndpointsRouteTableIds = 'rtb-a'"), "EndpointsVpcId is set, but SubnetIds is empty"),
        (("RetentionDays = 60", f"{VPC}\nEndpointsVpcId = 'vpc-a'"), "EndpointsVpcId is set, but EndpointsRouteTableIds is empty"),
        (("RetentionDays = 60", f"{VPC}\nEndpointsRouteTableIds = 'rtb-a'"), "EndpointsRouteTableIds is set, but EndpointsVpcId is empty"),
        (("RetentionDays = 60", "DomainName = 'a.example'"), "DomainName is set, but CertificateArn is empty"),
    ],
)
def test_an_invalid_file_is_refused_with_its_reason(validate, change, why):
    assert change[0] in VALID
    refused, settings = validate(VALID.replace(*change), ARCHITECTURE="arm64")
    assert refused.returncode == 1 and why in refused.stderr and "Traceback" not in refused.stderr, refused
    assert not settings.exists()


def test_a_policy_may_only_name_a_resource_that_gets_new_identities(validate):
    def said(resource: str, placement: str | None, guests: bool = False) -> str:
        """The reason of a refusal, or the output."""
        config = VALID.replace('["chat"]', f'["chat"], "resource": "{resource}"')
        if guests:
            policy, named = '{"otherwise": {"scopes": ["chat"]}}', f'{{"guests": {{"resource": "{resource}"}}}}'
            config = VALID.replace(policy, named).replace("RetentionDays = 60", 'RetentionDays = 60\nInviteScope = "invite"')
        if placement:
            config = config.replace("RetentionDays = 60", f"AcsPlacement = '{placement}'")
        ran, _ = validate(config)
        assert "Traceback" not in ran.stderr, ran
        return ran.stderr if ran.returncode else f"valid: {ran.stdout}"

    both = '{"main": {}, "old": {"state": "draining"}}'
    for guests in [False, True]:
        assert said("old", both, guests).startswith("deploy: Policy names the resource 'old', which is draining"), guests
    # Without AcsPlacement, all new identities are in `main`.
    for resource, placement in [("main", None), ("main", both), ("eu2", '{"eu2": {"weight": 2}}')]:
        said_then = said(resource, placement)
        assert said_then.startswith("valid: ") and "Policy" not in said_then, (resource, placement)
    # The secret can have it nevertheless; this needs no credentials.
    for placement in [None, both]:
        assert said("eu2", placement).startswith("valid: ") and "`make secret RESOURCE=eu2`" in said("eu2", placement)


def test_transmitters_fit_the_issuers_the_subject_claims_and_the_secret(validate):
    def refused(more: str = "", **members: str) -> str:
        """The reason of a refusal; empty if the file is valid."""
        signed = {"name": "idp", "kind": "ssf", "issuer": "https://org.example", "audiences": ["a"], "tokenIssuer": "https://idp.example"}
        entry = {name: value for name, value in (signed | members).items() if value}
        ran, _ = validate(VALID.replace("RetentionDays = 60", f"Transmitters = '[{json.dumps(entry)}]'\n{more}"))
        assert (ran.returncode == 0) == (not ran.stderr) and "Traceback" not in ran.stderr, ran
        return ran.stderr

    others = "Authorizer = 'lambda'\nIssuers = '[{\"issuer\": \"https://org.example\", \"audiences\": [\"app\"]}]'"
    secret = "TransmitterSecretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:transmitters'"
    graph = {"kind": "graph", "issuer": "", "audiences": "", "clientId": GUID, "tenants": [GUID], "notificationUrl": "https://a.example/entra"}
    poll = {"delivery": "poll", "pollUrl": "https://org.example/poll"}
    assert refused() == refused(others, tokenIssuer="") == refused(secret, **poll) == ""
    assert refused(f"SubjectClaims = 'oid'\n{secret}", **graph) == ""
    for reason, why in [
        (refused(tokenIssuer=""), "users of the issuer 'https://org.example', whose tokens this deployment does not accept"),
        (refused(others.replace("lambda", "jwt"), tokenIssuer=""), "whose tokens this deployment does not accept"),
        (refused("SubjectClaims = ['tid', 'oid']"), "SubjectClaims has several claims"),
        (refused("SubjectClaims = 'oid'", **graph), "'idp' is of the kind graph, which needs its `clientSecret`: set TransmitterSecretArn"),
        (refused(**poll), "the `delivery` of 'idp' is poll, which needs credentials: set TransmitterSecretArn"),
    ]:
        assert reason.startswith("deploy: invalid value of Transmitters: ") and why in reason, reason


@pytest.mark.parametrize("placement, most, parts", [
    ({"main": {}, "eu2": {"state": "open"}, "old": {"state": "draining"}}, 60, "1 of 2"),
    ({"main": {"weight": 1}, "eu2": {"weight": 3}}, 40, "3 of 4"),
    ({"main": {"weight": None}, "eu2": {"weight": 2}, "eu3": {"weight": 2}}, 70, "2 of 5"),
    ({"main": {"weight": 10}, "eu2": {}}, 30, "10 of 11"),
    ({f"r{number}": {} for number in range(9)}, 240, ""),
])
def test_no_open_resource_gets_more_token_requests_than_acs_allows(validate, placement, most, parts):
    def validated(rate: int) -> subprocess.CompletedProcess:
        return validate(VALID.replace("RetentionDays = 60", f"TokensPerSecond = {rate}\nAcsPlacement = '{json.dumps(placement)}'"))[0]

    assert validated(most).returncode == 0
    if parts:
        refused = validated(most + 10)
        assert refused.returncode == 1 and f"gets {parts} parts of the new users. Use at most {most}" in refused.stderr, refused


def test_all_problems_are_told_at_once(validate):
    refused, _ = validate("stack = 1")
    for name in ["stack", "region", "AcsSecretArn", "Issuer", "Audience"]:
        assert f"`{name}` is missing" in refused.stderr, refused


@pytest.mark.parametrize("text", [
    VALID,
    # The interval of this schedule is unknown. The file has the default, so it was chosen.
    VALID.replace("RetentionDays = 60", "CleanupSchedule = 'cron(0 3 L * ? *)'\nCleanupMissingHours = 24"),
])
def test_the_settings_are_read_by_the_other_commands(validate, text):
    _, settings = validate(text, ARCHITECTURE="arm64")
    config = settings.with_name("production.toml")
    environment = {"CONFIG": str(config), "SAM_CONFIG_FILE": str(settings), "ARTEFACTS": str(artefacts.DIRECTORY), "PATH": ""}
    command = [sys.executable, INFRA / "deploy/parameters.py"]
    read = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (read.returncode, read.stderr) == (0, ""), read
