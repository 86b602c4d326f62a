// A Lambda function with Microsoft's JavaScript SDK that creates an identity with a token.

import { createRequire } from "node:module";

// The SDK is installed in another directory than this file.
const require = createRequire(process.env.PACKAGES);
const { CommunicationIdentityClient } = require("@azure/communication-identity");

const acs = new CommunicationIdentityClient(process.env.CONNECTION_STRING);
const runtime = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

for (;;) {
  const event = await fetch(`${runtime}/next`);
  await event.text();
  const request = event.headers.get("lambda-runtime-aws-request-id");
  const { user, token } = await acs.createUserAndToken(["chat", "voip"]);
  const answer = JSON.stringify({ id: user.communicationUserId, token });
  const body = JSON.stringify({ statusCode: 200, body: answer });
  const answered = await fetch(`${runtime}/${request}/response`, { method: "POST", body });
  await answered.text();
}
