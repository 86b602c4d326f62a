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


@pytest.mark.parametrize("action", ["RestoreTableToPointInTime", "DescribeTable", "DescribeTimeToLive", "UpdateTimeToLive", "UpdateContinuousBackups", "UpdateTable"])
def test_without_one_of_its_rights_an_operator_cannot_restore(deployed, account, operator, action):
    refused = restore({**account, **operator(without=f"dynamodb:{action}")})
    assert refused.returncode == 1 and f"dynamodb:{action}" in refused.stderr, refused


@pytest.fixture
def account(cloud) -> dict[str, str]:
    return account_of(cloud)


@pytest.fixture
def operator(cloud):
    return partial(operator_of, cloud)
