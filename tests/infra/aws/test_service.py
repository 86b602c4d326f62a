"""The real binaries work with the resources of the template, each with the permissions of its own
role."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from api import ADMIN, ISSUER, call, use_each_operation
from runtime_api import Failed


@pytest.fixture
def user() -> str:
    """A user that no other test uses."""
    return f"user-{uuid.uuid4()}"


def record(deployed, user: str) -> dict:
    """The record of a user in the table, if there is one."""
    found = deployed.client("dynamodb").get_item(
        TableName=deployed.ids["Identities"], Key={"externalId": {"S": f"{ISSUER}|{user}"}}, ConsistentRead=True
    )
    return found.get("Item", {})


def test_a_first_call_gets_a_token_by_the_key_in_the_secret(deployed, acs, start, user):
    answer = call(start("IssueAccessToken"), "POST /v1/token", user)
    assert answer.status == 200, answer
    assert acs.is_live(answer.body["token"])
    assert record(deployed, user)["acsId"]["S"] == answer.body["user"]["communicationUserId"]


def test_two_calls_at_once_get_tokens_of_one_identity(acs, start, user):
    functions = [start("IssueAccessToken"), start("IssueAccessToken")]
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda function: call(function, "POST /v1/token", user), functions))
    assert [answer.status for answer in answers] == [200, 200]
    assert len({answer.body["user"]["communicationUserId"] for answer in answers}) == 1


def test_each_operation_does_its_work_with_the_rights_of_its_role(start, user):
    use_each_operation(start, user)


def test_an_event_by_eventbridge_and_the_queue_blocks_its_user(deployed, acs, start, user):
    issue = start("IssueAccessToken")
    token = call(issue, "POST /v1/token", user).body["token"]

    put(deployed, "user.disabled", user)
    receipts, messages = receive(deployed)
    answer = start("RevokeOnEvent").invoke({"Records": messages})
    assert answer == {"batchItemFailures": []}
    forget(deployed, receipts)

    assert call(issue, "POST /v1/token", user).status == 403
    assert not acs.is_live(token)


def test_only_the_malformed_event_of_a_batch_is_delivered_again(deployed, acs, start, user):
    token = call(start("IssueAccessToken"), "POST /v1/token", user).body["token"]
    put(deployed, "user.disabled", user)
    deployed.client("sqs").send_message(QueueUrl=deployed.ids["IdentityEvents"], MessageBody="{}")
    receipts, messages = receive(deployed, 2)
    answer = start("RevokeOnEvent").invoke({"Records": messages})
    [malformed] = [one["messageId"] for one in messages if one["body"] == "{}"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": malformed}]}
    assert not acs.is_live(token)
    forget(deployed, receipts)


def test_a_run_of_the_schedule_deletes_who_is_stale(deployed, acs, start, user):
    acs_id = call(start("IssueAccessToken"), "POST /v1/token", user).body["user"]["communicationUserId"]
    event = scheduled(deployed, datetime.now(UTC) + timedelta(days=91))
    cleanup = start("DeleteStaleIdentities")
    plan = cleanup.invoke({**event, "mode": "plan"})
    assert plan["wouldDelete"] > 0 and acs_id in acs.identities()
    # A clock that is ahead deletes nothing; an explicit `mode` of `apply` does.
    with pytest.raises(Failed, match="more than an hour ahead"):
        cleanup.invoke(event)
    run = cleanup.invoke({**event, "mode": "apply"})
    assert (run["mode"], run["deleted"], run["failed"], run["stuck"]) == ("apply", plan["wouldDelete"], 0, 0), run
    assert acs_id not in acs.identities()
    assert record(deployed, user)["state"]["S"] == "deleted"


def test_the_key_can_be_rotated_while_a_function_runs(deployed, acs, start, user):
    """The rotation that infra/README.md describes: the other key is put into the secret, and then
    the first key is regenerated. Later tests find the other key in the secret."""
    function = start("IssueAccessToken")
    old = call(function, "POST /v1/token", user).body["token"]
    secret = deployed.stack.parameters["AcsSecretArn"]
    deployed.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=acs.secondary)
    acs.control("keys/regenerate", {"keyType": "primary"})
    acs.connection_string = acs.secondary
    answer = call(function, "POST /v1/token", user)
    assert answer.status == 200, function.said()
    assert acs.is_live(answer.body["token"])
    assert not acs.is_live(old), "which is why the README says to wait"


def test_a_function_with_the_rights_of_another_cannot_do_its_work(deployed, start, user):
    """The permissions are enforced: otherwise the tests above would not check them."""
    others = credentials(deployed, "GetIdentity")
    without_the_secret = start("IssueAccessToken", **others)
    assert not without_the_secret.is_started()
    assert "secretsmanager:GetSecretValue" in without_the_secret.said()

    others = credentials(deployed, "CreateIdentity")
    without_the_index = start("RevokeAccessTokens", **others)
    refused = call(without_the_index, "POST /v1/identities/{id}/revoke", scope=ADMIN, id="8:acs:unknown")
    assert refused.status == 500, refused
    # It may read and write the table itself.
    assert call(without_the_index, "DELETE /v1/token", user).status == 204


def credentials(deployed, function: str) -> dict[str, str]:
    names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
    environment = deployed.environment(function)
    return {name: environment[name] for name in names}


def put(deployed, what: str, user: str) -> None:
    """Sends an event as one of our own applications would."""
    detail = {
        "externalId": f"{ISSUER}|{user}",
        "occurredAt": datetime.now(UTC).isoformat(),
        "eventId": str(uuid.uuid4()),
    }
    bus = deployed.outputs["EventBusName"]
    entry = {"EventBusName": bus, "Source": "guestpass.identity", "DetailType": what, "Detail": json.dumps(detail)}
    assert deployed.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def receive(deployed, count: int = 1) -> tuple[list[str], list[dict]]:
    """Receives messages from the queue as Lambda does, and in the format that functions get."""
    sqs, taken = deployed.client("sqs"), []
    while len(taken) < count:
        answer = sqs.receive_message(
            QueueUrl=deployed.ids["IdentityEvents"], MaxNumberOfMessages=10, WaitTimeSeconds=10,
            MessageSystemAttributeNames=["All"],
        )
        assert "Messages" in answer, "nothing came"
        taken += answer["Messages"]
    records = [
        {
            "messageId": one["MessageId"],
            "receiptHandle": one["ReceiptHandle"],
            "body": one["Body"],
            "attributes": one["Attributes"],
            "messageAttributes": {},
            "md5OfBody": one["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:IdentityEvents",
            "awsRegion": "eu-west-1",
        }
        for one in taken
    ]
    return [one["ReceiptHandle"] for one in taken], records


def forget(deployed, receipts: list[str]) -> None:
    for receipt in receipts:
        deployed.client("sqs").delete_message(QueueUrl=deployed.ids["IdentityEvents"], ReceiptHandle=receipt)


def scheduled(deployed, at: datetime) -> dict:
    """The event that the template's schedule, created with EventBridge Scheduler's own API, sends
    at a time."""
    scheduler = deployed.client("scheduler")
    [properties] = deployed.stack.of_type("AWS::Scheduler::Schedule").values()
    name = f"schedule-{uuid.uuid4()}"
    scheduler.create_schedule(Name=name, **deployed.resolved(properties))
    target = scheduler.get_schedule(Name=name)["Target"]
    assert target["DeadLetterConfig"]["Arn"].endswith(deployed.ids["CleanupFailures"].rsplit("/", 1)[1])
    return json.loads(target["Input"].replace("<aws.scheduler.scheduled-time>", at.strftime("%Y-%m-%dT%H:%M:%SZ")))
