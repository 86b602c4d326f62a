"""T03: messages in a queue are not lost, and failed messages are kept for an operator."""

import json
import re
from collections.abc import Iterator

import rust
from expanded import Stack
from permissions import function_of
from rule import drop, put, rule

FORTNIGHT = 14 * 24 * 3600
QUEUE = "Resources/IdentityEvents/Properties"
CLEANUP = "Resources/DeleteStaleIdentities/Properties"


def consumers(stack: Stack) -> dict[str, str]:
    """The consumer function of each queue."""
    mappings = stack.of_type("AWS::Lambda::EventSourceMapping").values()
    return {mapping["EventSourceArn"].removesuffix(".Arn"): function_of(mapping) for mapping in mappings}


def dead_letter_queues(stack: Stack) -> set[str]:
    """The queues for failed messages."""
    queues = stack.of_type("AWS::SQS::Queue")
    arns = {queue["RedrivePolicy"]["deadLetterTargetArn"] for queue in queues.values() if "RedrivePolicy" in queue}
    for config in stack.of_type("AWS::Lambda::EventInvokeConfig").values():
        arns.add(config["DestinationConfig"]["OnFailure"]["Destination"])
    for one in stack.of_type("AWS::Events::Rule").values():
        arns |= {target["DeadLetterConfig"]["Arn"] for target in one.get("Targets", []) if "DeadLetterConfig" in target}
    return {arn.removesuffix(".Arn") for arn in arns}


@rule(put(f"{QUEUE}/VisibilityTimeout", 59), put("Resources/RevokeOnEvent/Properties/Timeout", 11))
def t03_a_message_is_hidden_for_six_times_the_timeout(stack: Stack) -> Iterator[str]:
    for queue, function in consumers(stack).items():
        hidden = stack.of_type("AWS::SQS::Queue")[queue].get("VisibilityTimeout", 30)
        timeout = stack.functions()[function]["Timeout"]
        if hidden < 6 * timeout:
            yield f"the visibility timeout of {queue} is {hidden} s, but {function} can run for {timeout} s"


@rule(
    drop(f"{QUEUE}/RedrivePolicy"),
    put(f"{QUEUE}/RedrivePolicy/maxReceiveCount", 3),
    put("Resources/RevokeOnEvent/Properties/Events/Queue/Properties/FunctionResponseTypes", []),
)
def t03_a_message_is_tried_five_times_by_itself(stack: Stack) -> Iterator[str]:
    for queue in consumers(stack):
        policy = stack.of_type("AWS::SQS::Queue")[queue].get("RedrivePolicy", {})
        if policy.get("maxReceiveCount") != 5:
            yield f"{queue} delivers {policy.get('maxReceiveCount')} times"
    for name, mapping in stack.of_type("AWS::Lambda::EventSourceMapping").items():
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} retries whole batches: ReportBatchItemFailures is missing"


@rule(
    put(f"{QUEUE}/RedrivePolicy/maxReceiveCount", 6),
    put("Resources/RevokeOnEvent/Properties/Events/Queue/Properties/BatchSize", 11),
)
def t03_the_function_and_the_queue_agree_on_batch_size_and_deliveries(stack: Stack) -> Iterator[str]:
    source = rust.ROOT / "functions/revoke-on-event/src"
    text = rust.code(source / "main.rs") + rust.code(source / "batch.rs")
    known = {name: int(value) for name, value in re.findall(r"^const (MAX_RECEIVES|AT_ONCE): \w+ = (\d+);", text, re.M)}
    [mapping] = stack.of_type("AWS::Lambda::EventSourceMapping").values()
    queue = stack.of_type("AWS::SQS::Queue")[mapping["EventSourceArn"].removesuffix(".Arn")]
    told = {"MAX_RECEIVES": queue["RedrivePolicy"]["maxReceiveCount"], "AT_ONCE": mapping["BatchSize"]}
    if known != told:
        yield f"the code assumes {known}, but the queue and its mapping have {told}"


@rule(
    drop("Resources/IdentityEventsDeadLetters/Properties/MessageRetentionPeriod"),
    put("Resources/CleanupFailures/Properties/MessageRetentionPeriod", 86400),
    put(f"{QUEUE}/SqsManagedSseEnabled", False),
)
def t03_queues_keep_for_a_fortnight_and_encrypt(stack: Stack) -> Iterator[str]:
    queues = stack.of_type("AWS::SQS::Queue")
    if not dead_letter_queues(stack) <= set(queues):
        yield f"expected the dead-letter queues {dead_letter_queues(stack)}, found {sorted(queues)}"
    for name, queue in queues.items():
        if queue.get("MessageRetentionPeriod") != FORTNIGHT:
            yield f"unexpected MessageRetentionPeriod of {name}: {queue.get('MessageRetentionPeriod')}"
        if queue.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted"


@rule(
    drop(f"{CLEANUP}/EventInvokeConfig"),
    drop(f"{CLEANUP}/Events/Schedule/Properties/DeadLetterConfig"),
    put(f"{CLEANUP}/Events/Schedule/Properties/Input", "{}"),
)
def t03_a_run_that_fails_or_does_not_start_leaves_a_message(stack: Stack) -> Iterator[str]:
    told = {function_of(one) for one in stack.of_type("AWS::Lambda::EventInvokeConfig").values()}
    for name, schedule in stack.of_type("AWS::Scheduler::Schedule").items():
        target = schedule["Target"]
        if function_of({"FunctionName": target["Arn"]}) not in told:
            yield f"the function of {name} has no failure destination"
        if "DeadLetterConfig" not in target:
            yield f"{name} has no dead-letter queue"
        if "<aws.scheduler.scheduled-time>" not in target["Input"]:
            yield f"the input of {name} lacks the scheduled time"


@rule(drop(f"{CLEANUP}/ReservedConcurrentExecutions"), put(f"{CLEANUP}/ReservedConcurrentExecutions", 2))
def t03_one_cleanup_runs_at_a_time(stack: Stack) -> Iterator[str]:
    runs = stack.functions()["DeleteStaleIdentities"].get("ReservedConcurrentExecutions")
    if runs != 1:
        yield f"unexpected reserved concurrency of the cleanup: {runs}"


@rule(drop(f"{CLEANUP}/Events/Schedule/Properties/OmitName"))
def t03_two_stacks_in_one_account_have_a_schedule_each(stack: Stack) -> Iterator[str]:
    for name, schedule in stack.of_type("AWS::Scheduler::Schedule").items():
        if "Name" in schedule:
            yield f"{name} has a fixed name, so that an account can have only one stack: {schedule['Name']}"


@rule(
    drop("Resources/CognitoEvents/Properties/Targets"),
    put("Resources/GuestpassEvents/Properties/Targets/0/Arn", {"Fn::GetAtt": "IdentityEventsDeadLetters.Arn"}),
    put(
        "Resources/IdentityEventsPolicy/Properties/PolicyDocument/Statement/0/Condition/ArnEquals/aws:SourceArn",
        [{"Fn::GetAtt": "GuestpassEvents.Arn"}],
    ),
    put("Resources/IdentityEventsPolicy/Properties/PolicyDocument/Statement/0/Principal", "*"),
)
def t03_only_the_rules_of_the_stack_can_send_to_the_queue(stack: Stack) -> Iterator[str]:
    rules = stack.of_type("AWS::Events::Rule")
    for name, one in rules.items():
        if [target["Arn"] for target in one.get("Targets", [])] != ["IdentityEvents.Arn"]:
            yield f"unexpected targets of {name}: {one.get('Targets')}"
    [policy] = stack.of_type("AWS::SQS::QueuePolicy").values()
    for statement in policy["PolicyDocument"]["Statement"]:
        senders = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        if sorted(senders) != sorted(f"{name}.Arn" for name in rules):
            yield f"{senders} can send to the queue, but the rules are {sorted(rules)}"
        if statement["Principal"] != {"Service": "events.amazonaws.com"}:
            yield f"unexpected sender: {statement['Principal']}"


@rule(
    drop("Resources/GuestpassEvents/Properties/EventBusName"),
    put("Resources/GuestpassEvents/Properties/EventBusName", "default"),
    put("Resources/GuestpassEvents/Properties/EventPattern/source", [{"prefix": "guestpass"}]),
    put("Resources/CognitoEvents/Properties/EventBusName", {"Ref": "EventBus"}),
    drop("Outputs/EventBusName"),
    put("Outputs/EventBusArn/Value", {"Ref": "EventBus"}),
)
def t03_our_own_events_have_a_bus_of_the_stacks_own(stack: Stack) -> Iterator[str]:
    """On the account's default bus, every principal with events:PutEvents could block any user."""
    [bus] = stack.of_type("AWS::Events::EventBus")
    rules = stack.of_type("AWS::Events::Rule")
    ours = {name for name, one in rules.items() if one.get("EventBusName") == bus}
    if ours != {"GuestpassEvents"} or rules["GuestpassEvents"]["EventPattern"] != {"source": ["guestpass.identity"]}:
        yield f"unexpected rules of {bus}: {sorted(ours)}"
    if "EventBusName" in rules["CognitoEvents"]:
        yield f"CognitoEvents is on {rules['CognitoEvents']['EventBusName']}; AWS delivers to the default bus"
    for output, value in {"EventBusName": {"Ref": bus}, "EventBusArn": {"Fn::GetAtt": [bus, "Arn"]}}.items():
        if stack.source["Outputs"].get(output, {}).get("Value") != value:
            yield f"the output {output} does not lead to {bus}"


GUESTPASS = "Resources/GuestpassEvents/Properties/EventPattern"
SIGNALS = "guestpass.signals"


@rule(
    put(f"{GUESTPASS}/source", [SIGNALS]),
    put(f"{GUESTPASS}/source", ["guestpass.identity", SIGNALS]),
    put(f"{GUESTPASS}/source", [{"prefix": "guestpass."}]),
    put(f"{GUESTPASS}/source", [{"prefix": ""}]),
    put(f"{GUESTPASS}/source", [{"suffix": ".signals"}]),
    put(f"{GUESTPASS}/source", [{"anything-but": ["guestpass.identity"]}]),
    put(f"{GUESTPASS}/source", [{"wildcard": "guestpass.*"}]),
    put(GUESTPASS, {"detail-type": ["user.disabled"]}),
    put("Resources/PartnerEvents/Properties/EventPattern/$or/0", {"detail": {"type": ["user.deleted"]}}).with_parameters(
        PartnerEventBus="aws.partner/auth0.com/a/b"
    ),
    put("Resources/CognitoEvents/Properties/EventPattern", {"$or": [{"source": ["aws.cognito-idp"]}, {"source": []}]}),
)
def t03_no_rule_lets_a_signal_through_that_only_the_receivers_may_send(stack: Stack) -> Iterator[str]:
    """Events of this source are applied as they are: their senders were authenticated before."""
    for name, one in stack.of_type("AWS::Events::Rule").items():
        pattern = one["EventPattern"]
        for branch in pattern.get("$or", [pattern]):
            sources = branch.get("source") or pattern.get("source")
            if not sources:
                yield f"{name} lets events of every source through"
            for matcher in sources or []:
                if not excludes_signals(matcher):
                    yield f"{name} may let {SIGNALS} through: {matcher}"


def excludes_signals(matcher: str | dict) -> bool:
    """Whether a text or a prefix is that of another source. Other operators are not used."""
    if isinstance(matcher, str):
        return matcher != SIGNALS
    return set(matcher) == {"prefix"} and not SIGNALS.startswith(matcher["prefix"])


@rule(
    put("Resources/EventSenders/Properties/Statement/Principal", "*"),
    put("Resources/EventSenders/Properties/Statement/Action", "events:*"),
    put("Resources/EventSenders/Properties/Statement/Resource", "*"),
    drop("Resources/EventSenders/Condition"),
    put("Resources/EventBus/Properties/Policy", {"Statement": [{"Effect": "Allow", "Principal": "*"}]}),
)
def t03_only_the_accounts_of_the_parameter_may_send_from_elsewhere(stack: Stack) -> Iterator[str]:
    for accounts in [[], ["111122223333"], ["111122223333", "444455556666"]]:
        one = Stack(stack.source, EventSenderAccounts=",".join(accounts))
        wanted = {
            "Effect": "Allow",
            "Principal": {"AWS": accounts},
            "Action": "events:PutEvents",
            "Resource": "EventBus.Arn",
        }
        policies = one.of_type("AWS::Events::EventBusPolicy").values()
        allowed = [policy.get("Statement") for policy in policies]
        allowed += [bus["Policy"] for bus in one.of_type("AWS::Events::EventBus").values() if "Policy" in bus]
        if allowed != ([wanted] if accounts else []):
            yield f"{allowed} can send, but EventSenderAccounts is {accounts}"


BUSES = ",".join(f"aws.partner/auth0.com/example/bus{number}" for number in range(1, 5))
PARTNER = "Resources/PartnerEvents/Properties/EventPattern/$or"


def handled_types(*lists: str) -> set[str]:
    """The types in lists of the code that reads events."""
    text = rust.code(rust.ROOT / "shared/identity-events/src/event_types.rs")
    found = dict(re.findall(r"^pub const (\w+):[^=]+= &\[(.*?)\];", text, re.MULTILINE | re.DOTALL))
    return {name for one in lists for name in re.findall(r'"([\w.]+)"', found[one])}


def passed_types(pattern: dict, *path: str) -> set[str]:
    """The types that the alternatives of a pattern name at a path of `detail`."""
    types: set[str] = set()
    for alternative in pattern.get("$or", [pattern]):
        value = alternative["detail"]
        for member in path:
            value = value.get(member, {})
        types |= set(value)
    return types


@rule(
    drop("Resources/CognitoEvents/Properties/EventPattern/detail/eventName/9"),
    put("Resources/CognitoEvents/Properties/EventPattern/detail/eventName/0", "AdminCreateUser"),
    drop("Mappings/EventTypes/Okta/SystemLog/0"),
    put("Mappings/EventTypes/Auth0/Log/0", "s"),
    drop(f"{PARTNER}/3"),
    drop(f"{PARTNER}/7"),
)
def t03_the_events_that_mean_something_come_and_no_others(stack: Stack) -> Iterator[str]:
    rules = Stack(stack.source, PartnerEventBus=BUSES).of_type("AWS::Events::Rule")
    cognito = rules["CognitoEvents"]["EventPattern"]
    partner = rules["PartnerEvents"]["EventPattern"]
    for what, handled, passed in [
        ("Cognito", handled_types("COGNITO_CALLS", "COGNITO_PAGES"), passed_types(cognito, "eventName")),
        ("Auth0's log", handled_types("AUTH0_LOG_KINDS", "AUTH0_LOG_CALLS"), passed_types(partner, "data", "type")),
        ("Auth0's Event Streams", handled_types("AUTH0_STREAM"), passed_types({"$or": [
            alternative for alternative in partner["$or"] if isinstance(alternative["detail"].get("type"), list)
        ]}, "type")),
        ("Okta", handled_types("OKTA", "OKTA_APP"), passed_types(partner, "eventType")),
    ]:
        yield from (f"no rule passes {name} of {what}, which the code handles" for name in sorted(handled - passed))
        yield from (f"a rule passes {name} of {what}, which the code ignores" for name in sorted(passed - handled))


@rule(
    drop(f"{PARTNER}/0"),
    put("Resources/PartnerEvents3/Properties/EventBusName", {"Ref": "PartnerEventBus"}),
    put("Resources/CognitoEvents/Properties/EventPattern/detail/eventName/0", "A" * 2000),
    put("Conditions/HasPartnerEventBus4", {"Fn::Equals": ["a", "b"]}),
    drop("Resources/PartnerEvents2/Condition"),
)
def t03_each_partner_bus_has_the_same_rule_within_the_limit(stack: Stack) -> Iterator[str]:
    """EventBridge refuses a pattern of more than 2,048 characters."""
    buses = BUSES.split(",")
    for count in range(len(buses) + 1):
        rules = Stack(stack.source, PartnerEventBus=",".join(buses[:count])).of_type("AWS::Events::Rule")
        partner = {name: one for name, one in rules.items() if name.startswith("PartnerEvents")}
        if [one["EventBusName"] for one in partner.values()] != buses[:count]:
            yield f"{count} buses, but the rules are on {[one['EventBusName'] for one in partner.values()]}"
        patterns = [one["EventPattern"] for one in partner.values()]
        if any(pattern != patterns[0] for pattern in patterns):
            yield "the rules of the partner buses have different patterns"
        for name, one in rules.items():
            length = len(json.dumps(one["EventPattern"], separators=(",", ":")))
            if length > 2048:
                yield f"the pattern of {name} has {length} characters"
