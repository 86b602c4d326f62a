"""T04: what is known about people survives mistakes."""

import re
from collections.abc import Iterator

import rust
from expanded import Stack
from rule import drop, put, rule

TABLE = "Resources/Identities"


@rule(
    drop(f"{TABLE}/DeletionPolicy"),
    put(f"{TABLE}/UpdateReplacePolicy", "Delete"),
    put(f"{TABLE}/Properties/DeletionProtectionEnabled", False),
    drop(f"{TABLE}/Properties/PointInTimeRecoverySpecification"),
    put(f"{TABLE}/Properties/SSESpecification/SSEEnabled", False),
    put(f"{TABLE}/Properties/BillingMode", "PROVISIONED"),
    put(f"{TABLE}/Properties/TimeToLiveSpecification/AttributeName", "ttl"),
)
def t04_the_table_outlives_the_stack_and_can_be_restored(stack: Stack) -> Iterator[str]:
    attribute = re.search(r'EXPIRES_AT: &str = "(\w+)"', rust.code(rust.STORE / "item.rs"))
    wanted = {
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "SSESpecification": {"SSEEnabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": attribute and attribute[1], "Enabled": True},
    }
    for name, properties in stack.of_type("AWS::DynamoDB::Table").items():
        for property_, value in wanted.items():
            if properties.get(property_) != value:
                yield f"{name} has {property_} {properties.get(property_)}, not {value}"
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"]:
            if stack.resources[name].get(policy) != "Retain":
                yield f"{name} has {policy} {stack.resources[name].get(policy)}"


@rule(
    put(f"{TABLE}/Properties/GlobalSecondaryIndexes/0/IndexName", "by-id"),
    drop(f"{TABLE}/Properties/GlobalSecondaryIndexes/2"),
)
def t04_the_indexes_are_those_the_store_reads(stack: Stack) -> Iterator[str]:
    for name, properties in stack.of_type("AWS::DynamoDB::Table").items():
        has = {index["IndexName"] for index in properties["GlobalSecondaryIndexes"]}
        if has != set(rust.index_names().values()):
            yield f"{name} has {sorted(has)}, and the store reads {sorted(rust.index_names().values())}"
