"""T04: data about users survives mistakes."""

import re
from collections.abc import Iterator

import rust
from expanded import Stack
from rule import drop, put, rule

TABLE, AUDIT = "Resources/Identities", "Resources/AuditLog"

# Its items stay until the provider deletes the user.
WITHOUT_EXPIRY = {"ScimUsers"}


@rule(*(
    change
    for one in (TABLE, AUDIT)
    for change in (
        drop(f"{one}/DeletionPolicy"),
        put(f"{one}/UpdateReplacePolicy", "Delete"),
        put(f"{one}/Properties/DeletionProtectionEnabled", False),
        drop(f"{one}/Properties/PointInTimeRecoverySpecification"),
        put(f"{one}/Properties/SSESpecification", {"SSEEnabled": False}),
        put(f"{one}/Properties/BillingMode", "PROVISIONED"),
        put(f"{one}/Properties/TimeToLiveSpecification/AttributeName", "ttl"),
    )
), *(
    change.with_parameters(Transmitters='[{"name": "entra-scim", "kind": "scim"}]')
    for change in (
        drop("Resources/ScimUsers/DeletionPolicy"),
        drop("Resources/ScimUsers/Properties/PointInTimeRecoverySpecification"),
    )
))
def t04_each_table_outlives_the_stack_and_can_be_restored(stack: Stack) -> Iterator[str]:
    attribute = re.search(r'EXPIRES_AT: &str = "(\w+)"', rust.code(rust.STORE / "item.rs"))
    wanted = {
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "SSESpecification": {"SSEEnabled": True} | ({"SSEType": "KMS", "KMSMasterKeyId": key} if (key := stack.parameters["KmsKeyArn"]) else {}),
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": attribute and attribute[1], "Enabled": True},
    }
    for name, properties in stack.of_type("AWS::DynamoDB::Table").items():
        for property_, value in wanted.items():
            if property_ == "TimeToLiveSpecification" and name in WITHOUT_EXPIRY:
                continue
            if properties.get(property_) != value:
                yield f"unexpected {property_} of {name}: {properties.get(property_)}, expected {value}"
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"]:
            if stack.resources[name].get(policy) != "Retain":
                yield f"unexpected {policy} of {name}: {stack.resources[name].get(policy)}"


@rule(
    put(f"{TABLE}/Properties/GlobalSecondaryIndexes/0/IndexName", "by-id"),
    drop(f"{TABLE}/Properties/GlobalSecondaryIndexes/2"),
)
def t04_the_indexes_are_those_the_store_reads(stack: Stack) -> Iterator[str]:
    has = {index["IndexName"] for index in stack.of_type("AWS::DynamoDB::Table")["Identities"]["GlobalSecondaryIndexes"]}
    if has != set(rust.index_names().values()):
        yield f"Identities has {sorted(has)}, and the store reads {sorted(rust.index_names().values())}"


@rule(
    put(f"{AUDIT}/Properties/KeySchema/0/AttributeName", "by"),
    put(f"{AUDIT}/Properties/GlobalSecondaryIndexes/0/KeySchema/0/AttributeName", "day"),
    put(f"{AUDIT}/Properties/GlobalSecondaryIndexes/0/Projection/ProjectionType", "KEYS_ONLY"),
    drop(f"{AUDIT}/Properties/GlobalSecondaryIndexes/1"),
    put(f"{AUDIT}/Properties/AttributeDefinitions/1/AttributeType", "N"),
)
def t04_the_audit_log_is_found_by_user_by_actor_and_by_day_each_in_order_of_time(stack: Stack) -> Iterator[str]:
    audit = stack.of_type("AWS::DynamoDB::Table")["AuditLog"]
    types = {one["AttributeName"]: one["AttributeType"] for one in audit["AttributeDefinitions"]}

    def key(schema: list[dict]) -> list[str]:
        return [f"{one['KeyType']} {one['AttributeName']} {types.get(one['AttributeName'])}" for one in schema]

    found = {"": (key(audit["KeySchema"]), {"ProjectionType": "ALL"})}
    found |= {one["IndexName"]: (key(one["KeySchema"]), one["Projection"]) for one in audit["GlobalSecondaryIndexes"]}
    by = {"": "user", "by-actor": "by", "by-day": "day"}
    wanted = {name: ([f"HASH {one} S", "RANGE at S"], {"ProjectionType": "ALL"}) for name, one in by.items()}
    yield from (f"{name or 'the table'} is {found.get(name)}" for name in wanted if found.get(name) != wanted[name])


@rule(
    drop(f"{TABLE}/Condition"),
    put("Globals/Function/Environment/Variables/TABLE_NAME", {"Ref": "Identities"}),
    put("Resources/ReadRecords/Properties/PolicyDocument/Statement/0/Resource", {"Fn::GetAtt": "Identities.Arn"}),
    put("Outputs/TableName/Value", {"Ref": "Identities"}),
    drop(f"{AUDIT}/Condition"),
    put("Globals/Function/Environment/Variables/AUDIT_TABLE_NAME", {"Ref": "AuditLog"}),
    put("Resources/WriteAudit/Properties/PolicyDocument/Statement/0/Resource", {"Fn::GetAtt": "AuditLog.Arn"}),
    put("Resources/AuditLogThrottled/Properties/Metrics/1/MetricStat/Metric/Dimensions/0/Value", {"Ref": "AuditLog"}),
    put("Resources/TablesThrottled/Properties/Metrics/3/MetricStat/Metric/Dimensions/0/Value", {"Ref": "Identities"}),
    put("Resources/ListIdentities/Properties/Environment/Variables/TABLE_NAME", "another"),
    put("Resources/RevokeOnEvent/Properties/Environment/Variables/AUDIT_TABLE_NAME", "another"),
    put("Outputs/AuditTableName/Value", {"Ref": "AuditLog"}),
)
def t04_an_existing_table_takes_the_place_of_the_stacks_own(stack: Stack) -> Iterator[str]:
    """A restored table, or that of a stack that was deleted."""
    yield from without_own_table(stack, "Identities", "ExistingTableName", "TABLE_NAME", "TableName", "ReadRecords")
    yield from without_own_table(stack, "AuditLog", "ExistingAuditTableName", "AUDIT_TABLE_NAME", "AuditTableName", "WriteAudit")


def without_own_table(stack: Stack, table: str, parameter: str, variable: str, output: str, policy: str) -> Iterator[str]:
    attached = Stack(stack.source, **{**stack.given, parameter: "restored"})
    arn = "arn:AWS::Partition:dynamodb:AWS::Region:AWS::AccountId:table/restored"
    names = set(stack.resources) - set(attached.resources)
    if names != {table}:
        yield f"with {parameter}, the stack lacks {sorted(names)}"
    for name, one in attached.resources.items():
        text = str(one).replace("metric", "")
        if re.search(rf"'{table}(\.Arn[^']*)?'", text):
            yield f"{name} uses the table {table}, which does not exist"
    for name, function in attached.functions().items():
        if function["Environment"]["Variables"][variable] != "restored":
            yield f"{name} does not use the table of {parameter}"
    if arn not in str(attached.resources[policy]):
        yield f"{policy} does not name the table of {parameter}"
    if attached.output(output) != "restored":
        yield f"the output {output} is another table"


@rule(
    drop("Resources/TablesThrottled/Properties/Metrics/1"),
    drop("Resources/TablesThrottled/Properties/Metrics/8"),
    put("Resources/TablesThrottled/Properties/Metrics/3/MetricStat/Metric/Dimensions/1/Value", "by-id"),
    drop("Resources/TablesThrottled/Properties/Metrics/9").with_parameters(Transmitters="[{}]"),
    drop("Resources/TablesThrottled/Properties/Metrics/10").with_parameters(Transmitters="[{}]"),
    drop("Resources/AuditLogThrottled"),
    drop("Resources/AuditLogThrottled/Properties/Metrics/1"),
    drop("Resources/AuditLogThrottled/Properties/Metrics/4"),
    drop("Resources/AuditLogThrottled/Properties/Metrics/6/MetricStat/Metric/Dimensions/1"),
)
def t07_throttles_of_each_table_and_of_each_index_raise_an_alarm(stack: Stack) -> Iterator[str]:
    """An index has metrics of its own. If it cannot keep up, DynamoDB throttles the writes of its table."""
    seen = {
        (metric["MetricName"], *(one["Value"] for one in metric["Dimensions"]))
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
        for metric in (one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one)
        if metric["Namespace"] == "AWS/DynamoDB"
    }
    for table, properties in stack.of_type("AWS::DynamoDB::Table").items():
        indexes = [(one["IndexName"],) for one in properties.get("GlobalSecondaryIndexes", [])]
        for name in [(), *indexes]:
            for metric in ["ReadThrottleEvents", "WriteThrottleEvents"]:
                if (metric, table, *name) not in seen:
                    yield f"no alarm uses {metric} of {' '.join([table, *name])}"
