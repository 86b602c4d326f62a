"""A post confirmation trigger of a Cognito user pool, for users of managed login.

It tells Guestpass that a user has reset their password. EVENT_BUS is the stack's output EventBusName.
ISSUER is the `iss` of the pool's tokens, if it is not the usual one.
"""

import datetime
import json
import os

import boto3

events = boto3.client("events")


def handler(event, context):
    # The trigger also runs when a user confirms a new account.
    if event["triggerSource"] == "PostConfirmation_ConfirmForgotPassword":
        now = datetime.datetime.now(datetime.timezone.utc)
        usual_issuer = f"https://cognito-idp.{event['region']}.amazonaws.com/{event['userPoolId']}"
        detail = {
            "issuer": os.environ.get("ISSUER", usual_issuer),
            "subject": event["request"]["userAttributes"]["sub"],
            "occurredAt": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "eventId": context.aws_request_id,
            "reason": "password reset",
        }
        entry = {
            "EventBusName": os.environ["EVENT_BUS"],
            "Source": "guestpass.identity",
            "DetailType": "user.credentials-changed",
            "Detail": json.dumps(detail),
        }
        if events.put_events(Entries=[entry])["FailedEntryCount"]:
            # Cognito then runs the trigger again, up to three times in all.
            raise RuntimeError("EventBridge did not accept the event")
    return event
