"""`make restore`: a new table with the state of the old one."""

import tomllib
from datetime import UTC, datetime
from functools import partial

import pytest

from cloud import STACK
from restoring import INFRA, account_of, operator_of, restore


def test_a_restored_table_is_as_protected_as_that_of_the_template(cloud, deployed, account, operator):
    restored = restore({**account, **operator()})
    assert restored.returncode == 0, restored
    [command] = [line.strip() for line in restored.stdout.splitlines() if "make deploy" in line]
    table = command.split("ExistingTableName=")[1].split(" ")[0]
    assert command == f'make deploy SET="ExistingTableName={table} CleanupMode=plan CleanupGuests=plan DeploymentType=AllAtOnce"'
    assert restored.stdout.index(f"  export GUESTPASS_TABLE={table}\n") < restored.stdout.index(command), "blocks are repeated first"
    dynamodb = cloud.client("dynamodb")
    found = dynamodb.describe_table(TableName=table)["Table"]
    wanted = dynamodb.describe_table(TableName=deployed.ids["Identities"])["Table"]
    assert found["KeySchema"] == wanted["KeySchema"] and found["DeletionProtectionEnabled"]
    assert {one["IndexName"] for one in found["GlobalSecondaryIndexes"]} == {one["IndexName"] for one in wanted["GlobalSecondaryIndexes"]}
    expiry = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert (expiry["TimeToLiveStatus"], expiry["AttributeName"]) == ("ENABLED", "expiresAt")
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def protections(cloud, table: str) -> tuple[str, str, bool]:
    dynamodb = cloud.client("dynamodb")
    expiry = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    status = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return expiry, status, bool(dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"))


def test_a_restore_that_was_interrupted_is_finished_with_the_name_of_its_table(cloud, deployed, account, operator):
    stopped = restore({**account, **operator(without="dynamodb:DescribeTable")})
    [said] = [line for line in stopped.stdout.splitlines() if "make restore TABLE=" in line]
    table = said.split("TABLE=")[1].rstrip("`")
    assert stopped.returncode == 1 and protections(cloud, table) == ("DISABLED", "DISABLED", False), stopped
    tables = set(cloud.client("dynamodb").list_tables()["TableNames"])
    # DynamoDB refuses to set an expiry that is set, and moto does not.
    for unneeded in ["", "dynamodb:UpdateTimeToLive"]:
        finished = restore({**account, **operator(without=unneeded)}, TABLE=table)
        assert finished.returncode == 0 and f'make deploy SET="ExistingTableName={table} ' in finished.stdout, finished
        assert protections(cloud, table) == ("ENABLED", "ENABLED", True)
    assert set(cloud.client("dynamodb").list_tables()["TableNames"]) == tables, "no other table"


def test_the_table_that_the_stack_uses_is_prepared_without_another_deployment(cloud, deployed, account):
    finished = restore(account, TABLE=deployed.ids["Identities"])
    assert finished.returncode == 0 and finished.stdout == f"prepared {deployed.ids['Identities']}, which the stack {STACK} already uses\n", finished
    assert protections(cloud, deployed.ids["Identities"]) == ("ENABLED", "ENABLED", True)
    # moto deletes the table with its stack.
    cloud.client("dynamodb").update_table(TableName=deployed.ids["Identities"], DeletionProtectionEnabled=False)


@pytest.mark.parametrize("variables, why", [
    ({"TABLE": "missing"}, "restore: An error occurred (ResourceNotFoundException)"),
    ({"TABLE": "guestpass-identities-1", "TIME": "2026-11-26T12:00:00Z"}, "restore: TIME and TABLE cannot be used together"),
])
def test_a_table_that_cannot_be_finished_is_refused(deployed, account, variables, why):
    refused = restore(account, **variables)
    assert refused.returncode == 1 and why in refused.stderr and "Traceback" not in refused.stderr, refused


def test_the_table_of_something_else_is_not_changed(cloud, deployed, account):
    before = protections(cloud, deployed.ids["AuditLog"])
    refused = restore(account, TABLE=deployed.ids["AuditLog"])
    assert refused.returncode == 1 and "it is the table of something else. Correct TABLE" in refused.stderr, refused
    assert protections(cloud, deployed.ids["AuditLog"]) == before


def test_with_a_configuration_the_table_belongs_into_its_file(deployed, account):
    restored = restore(account, CONFIG="/its place/production.toml")
    assert restored.returncode == 0 and "SET=" not in restored.stdout, restored
    how = restored.stdout.split("set in /its place/production.toml, in the table [parameters]:\n")[1]
    added, command = how.split("then run:\n")
    parameters = tomllib.loads(added)
    assert parameters.pop("ExistingTableName").startswith(f"{STACK}-identities-")
    assert parameters == {"CleanupMode": "plan", "CleanupGuests": "plan", "DeploymentType": "AllAtOnce"}
    assert command.strip() == "make deploy CONFIG='/its place/production.toml'"


@pytest.mark.parametrize("time, asked", [
    ("2026-11-26T12:00:00Z", {"RestoreDateTime": datetime(2026, 11, 26, 12, tzinfo=UTC)}),
    ("2026-11-26T13:00:00+01:00", {"RestoreDateTime": datetime(2026, 11, 26, 12, tzinfo=UTC)}),
    ("", {"UseLatestRestorableTime": True}),
])
def test_the_table_is_restored_to_the_time_that_is_given(cloud, deployed, monkeypatch, time, asked):
    for directory in ["deploy", "operate"]:
        monkeypatch.syspath_prepend(str(INFRA / directory))
    for name, value in {"SAM_CONFIG_FILE": "/nonexistent", "STACK": STACK, "TIME": time}.items():
        monkeypatch.setenv(name, value)
    import restore as command

    monkeypatch.setattr(command, "SECONDS_BETWEEN_LOOKS", 0)
    monkeypatch.setattr(command.stack_settings, "client", cloud.client)
    requests, events = [], cloud.client("dynamodb").meta.events
    # moto does not keep the time.
    hook = ("provide-client-params.dynamodb.RestoreTableToPointInTime", lambda params, **_: requests.append(params))
    events.register(*hook)
    command.main()
    events.unregister(*hook)
    [request] = requests
    assert request.pop("TargetTableName").startswith(f"{STACK}-identities-")
    assert request == {"SourceTableName": deployed.ids["Identities"], **asked}


@pytest.mark.parametrize("time", ["yesterday", "2026-11-26T12:00:00"])
def test_a_time_without_a_zone_is_refused(account, time):
    refused = restore(account, TIME=time)
    assert refused.returncode == 1 and f"invalid TIME '{time}'" in refused.stderr, refused


@pytest.mark.parametrize("action", ["RestoreTableToPointInTime", "DescribeTable", "DescribeTimeToLive", "DescribeContinuousBackups", "UpdateTimeToLive", "UpdateContinuousBackups", "UpdateTable"])
def test_without_one_of_its_rights_an_operator_cannot_restore(deployed, account, operator, action):
    refused = restore({**account, **operator(without=f"dynamodb:{action}")})
    assert refused.returncode == 1 and f"dynamodb:{action}" in refused.stderr, refused


@pytest.fixture
def account(cloud) -> dict[str, str]:
    return account_of(cloud)


@pytest.fixture
def operator(cloud):
    return partial(operator_of, cloud)
