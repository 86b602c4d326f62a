// What @azure/communication-identity sends and hands on, which callers may rely on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CommunicationIdentityClient } from "@azure/communication-identity";

import { acs } from "./helpers.mjs";

const SIGNED = /^HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=/;

/** A client of the emulator, and the requests that it has sent. */
function watched() {
  const seen = [];
  const policy = {
    name: "watch",
    sendRequest(request, next) {
      seen.push(request);
      return next(request);
    },
  };
  const options = {
    allowInsecureConnection: true,
    additionalPolicies: [{ policy, position: "perRetry" }], // after the signature
  };
  return { client: new CommunicationIdentityClient(acs.connectionString, options), seen };
}

test("a request is dated, hashed, signed, and has nothing in its body but what was asked", async () => {
  const { client, seen } = watched();
  await client.getToken(await client.createUser(), ["chat"]);
  const [create, issue] = seen;
  assert.equal(create.body, undefined);
  assert.equal(issue.body, '{"scopes":["chat"]}');
  for (const { headers } of seen) {
    assert.ok(Math.abs(Date.parse(headers.get("x-ms-date")) - Date.now()) < 60_000);
    assert.equal(headers.get("x-ms-content-sha256").length, 44);
    assert.match(headers.get("authorization"), SIGNED);
    assert.ok(headers.has("x-ms-client-request-id"));
  }
});

test("what a call gives does not hold the response", async () => {
  const { client } = watched();
  const user = await client.createUser();
  const token = await client.getToken(user, ["chat"]);
  const both = await client.createUserAndToken(["chat"]);
  for (const given of [user, token, both]) assert.ok(!("_response" in given));
});
