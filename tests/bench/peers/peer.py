"""A Lambda function with Microsoft's Python SDK that creates an identity with a token."""

import http.client
import json
import os

from azure.communication.identity import CommunicationIdentityClient

acs = CommunicationIdentityClient.from_connection_string(os.environ["CONNECTION_STRING"])
runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

while True:
    runtime.request("GET", "/2018-06-01/runtime/invocation/next")
    event = runtime.getresponse()
    event.read()
    request = event.headers["Lambda-Runtime-Aws-Request-Id"]
    user, token = acs.create_user_and_token(scopes=["chat", "voip"])
    answer = {"id": user.properties["id"], "token": token.token}
    body = json.dumps({"statusCode": 200, "body": json.dumps(answer)})
    runtime.request("POST", f"/2018-06-01/runtime/invocation/{request}/response", body)
    runtime.getresponse().read()
