// @azure/communication-identity exchanging the tokens of Teams users.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { CLIENTS, hasTeamsExchange } from "./clients.mjs";
import { entraToken, introspect } from "./helpers.mjs";

const invalid = (message) => ({ statusCode: 400, code: "ValidationError", message });
const OTHER = "e0000000-0000-4000-8000-0000000000ff";

/** What an exchange needs, all of it right. */
async function teamsUser(order = {}) {
  const { token, claims } = await entraToken(order);
  return { teamsUserAadToken: token, clientId: claims.appid, userObjectId: claims.oid };
}

for (const [made, client, version] of CLIENTS.filter(([, , version]) => hasTeamsExchange(version))) {
  describe(`an exchange by a client made of ${made}`, () => {
    test("gives a token of the Teams user, which ends with the other", async () => {
      const user = await teamsUser({ expiresInSeconds: 4000 });
      const { token, expiresOn } = await client.getTokenForTeamsUser(user);
      const found = await introspect(token);
      assert.equal(found.active, true);
      assert.equal(found.identity, `8:orgid:${user.userObjectId}`);
      const left = (expiresOn.getTime() - Date.now()) / 1000;
      assert.ok(Math.abs(left - 4000) < 30, `${left} s are left`);
    });

    const unbelieved = {
      empty: async () => "",
      invalid: async () => "invalid",
      expired: async () => (await teamsUser({ expiresInSeconds: -60 })).teamsUserAadToken,
    };
    for (const [name, make] of Object.entries(unbelieved)) {
      test(`is refused for an ${name} token`, async () => {
        const asked = { ...(await teamsUser()), teamsUserAadToken: await make() };
        await assert.rejects(client.getTokenForTeamsUser(asked), {
          statusCode: 401,
          code: "InvalidAccessToken",
          message: "Provided access token is not valid.",
        });
      });
    }

    for (const [change, message] of [
      [{ clientId: "" }, "AppId: The AppId field is required."],
      [{ clientId: "invalid" }, "Provided AppId has invalid format."],
      [{ clientId: OTHER }, "AAD application is not the expected one."],
      [{ userObjectId: "" }, "UserId: The UserId field is required."],
      [{ userObjectId: "invalid" }, "Provided UserId has invalid format."],
      [{ userObjectId: OTHER }, "Provided AAD token issued for unexpected user."],
    ]) {
      test(`is refused for ${JSON.stringify(change)}`, async () => {
        const asked = { ...(await teamsUser()), ...change };
        await assert.rejects(client.getTokenForTeamsUser(asked), invalid(message));
      });
    }
  });
}
