"""The expanded template can be deployed as a stack."""

from known import UNKNOWN


def test_the_stack_is_complete(deployed):
    assert deployed.status == "CREATE_COMPLETE"


def test_everything_is_made_but_what_moto_does_not_know(deployed):
    made = {name for name in deployed.stack.resources if name in deployed.ids}
    missing = {one["Type"] for name, one in deployed.stack.resources.items() if name not in made}
    # These have no id in moto.
    assert missing == UNKNOWN | {"AWS::Lambda::Permission", "AWS::Lambda::Version"}
    assert not {deployed.stack.resources[name]["Type"] for name in made} & UNKNOWN
    policies = deployed.client("lambda").get_policy(FunctionName=deployed.ids["IssueAccessToken"])
    assert policies["Policy"].count("execute-api") == 1, "the API may invoke it"


def test_the_outputs_are_what_was_made(deployed):
    assert deployed.outputs["TableName"] == deployed.ids["Identities"]
    assert deployed.outputs["AuditTableName"] == deployed.ids["AuditLog"]
    assert deployed.outputs["EventQueueUrl"] == deployed.ids["IdentityEvents"]
    assert deployed.outputs["DeadLetterQueueUrl"] == deployed.ids["IdentityEventsDeadLetters"]
    assert deployed.outputs["AlarmTopic"] == deployed.ids["Alarms"]
    assert deployed.outputs["EventBusName"] == deployed.ids["EventBus"]
    assert deployed.outputs["EventBusArn"].endswith(f":event-bus/{deployed.ids['EventBus']}")


def test_cloudwatch_takes_each_alarm(deployed):
    cloudwatch = deployed.client("cloudwatch")
    alarms = deployed.stack.of_type("AWS::CloudWatch::Alarm")
    for name, properties in alarms.items():
        # Most resources have no explicit name.
        cloudwatch.put_metric_alarm(**{"AlarmName": name, **deployed.resolved(properties)})
    made = cloudwatch.describe_alarms()["MetricAlarms"]
    assert len(made) == len(alarms)
    assert {tuple(alarm["AlarmActions"]) for alarm in made} == {(deployed.outputs["AlarmTopic"],)}
