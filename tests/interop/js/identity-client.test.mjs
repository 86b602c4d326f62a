// @azure/communication-identity against the emulator.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { CLIENTS, hasCustomExpiry, hasJoinScopes, withKey } from "./clients.mjs";
import { introspect, requests } from "./helpers.mjs";

const SCOPE_SETS = [
  ["chat"],
  ["voip"],
  ["chat.join"],
  ["chat.join.limited"],
  ["voip.join"],
  ["voip", "chat"],
  ["chat", "chat.join", "chat.join.limited"],
  ["voip", "voip.join"],
  ["chat.join", "voip.join"],
];
const FOREIGN_USER = {
  communicationUserId:
    "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000",
};

function assertLivesFor(token, minutes) {
  const left = (token.expiresOn.getTime() - Date.now()) / 60_000;
  assert.ok(Math.abs(left - minutes) < minutes * 0.05, `${left} minutes are left`);
}

const known = (version, scopes) =>
  hasJoinScopes(version) || !scopes.some((scope) => scope.includes(".join"));

for (const [made, client, version] of CLIENTS) {
  describe(`a client made of ${made}`, () => {
    test("creates users", async () => {
      const user = await client.createUser();
      assert.match(user.communicationUserId, /^8:acs:/);
      assert.notEqual(user.communicationUserId, (await client.createUser()).communicationUserId);
    });

    test(`asks for ${version}`, async () => {
      const { communicationUserId } = await client.createUser();
      await client.deleteUser({ communicationUserId });
      const mine = (await requests()).filter(({ identity }) => identity === communicationUserId);
      assert.ok(mine.length > 0);
      for (const { apiVersion } of mine) assert.equal(apiVersion, version);
    });

    for (const scopes of SCOPE_SETS.filter((scopes) => known(version, scopes))) {
      test(`creates a user with a token for ${scopes.join("+")}`, async () => {
        const { user, token } = await client.createUserAndToken(scopes);
        const found = await introspect(token);
        assert.equal(found.active, true);
        assert.equal(found.identity, user.communicationUserId);
        assert.deepEqual(new Set(found.scopes), new Set(scopes));
      });

      test(`issues a token for ${scopes.join("+")}`, async () => {
        const user = await client.createUser();
        const found = await introspect((await client.getToken(user, scopes)).token);
        assert.equal(found.active, true);
        assert.equal(found.identity, user.communicationUserId);
        assert.deepEqual(new Set(found.scopes), new Set(scopes));
      });
    }

    for (const scopes of SCOPE_SETS.filter((scopes) => !known(version, scopes))) {
      test(`is refused ${scopes.join("+")}, which is younger`, async () => {
        const refusal = { statusCode: 400, code: "ValidationError" };
        await assert.rejects(client.createUserAndToken(scopes), refusal);
        await assert.rejects(client.getToken(await client.createUser(), scopes), refusal);
      });
    }

    for (const tokenExpiresInMinutes of [60, 1440]) {
      const life = hasCustomExpiry(version) ? tokenExpiresInMinutes : 1440;
      test(`gets tokens that live ${life} minutes, asked for ${tokenExpiresInMinutes}`, async () => {
        const asked = { tokenExpiresInMinutes };
        assertLivesFor(await client.createUserAndToken(["chat"], asked), life);
        assertLivesFor(await client.getToken(await client.createUser(), ["chat"], asked), life);
      });
    }

    for (const tokenExpiresInMinutes of hasCustomExpiry(version) ? [59, 1441] : []) {
      test(`is refused tokens that live ${tokenExpiresInMinutes} minutes`, async () => {
        const asked = { tokenExpiresInMinutes };
        const refusal = {
          statusCode: 400,
          code: "ValidationError",
          message: `ExpiresInMinutes value ${tokenExpiresInMinutes} is invalid. Value must be within the [60, 1440] interval.`,
        };
        const user = await client.createUser();
        await assert.rejects(client.getToken(user, ["chat"], asked), refusal);
        await assert.rejects(client.createUserAndToken(["chat"], asked), refusal);
      });
    }

    test("is refused a token for no scopes", async () => {
      await assert.rejects(client.getToken(await client.createUser(), []), {
        statusCode: 400,
        code: "ValidationError",
        message: "Invalid scopes - Scopes field is required.",
      });
    });

    test("ends by a revocation the tokens before it and not those after", async () => {
      const { user, token: before } = await client.createUserAndToken(["chat"]);
      await client.revokeTokens(user);
      const { token: after } = await client.getToken(user, ["chat"]);
      const found = await introspect(before);
      assert.deepEqual([found.active, found.reason], [false, "revoked"]);
      assert.equal((await introspect(after)).active, true);
    });

    test("ends by a deletion the identity and its tokens", async () => {
      const { user, token } = await client.createUserAndToken(["chat"]);
      await client.deleteUser(user);
      const found = await introspect(token);
      assert.deepEqual([found.active, found.reason], [false, "identity-deleted"]);
    });

    test("does not reach a user of another resource", async () => {
      const refusal = {
        statusCode: 401,
        code: "IdentityNotOwned",
        message: "Provided identity doesn't belong to the resource.",
      };
      await assert.rejects(client.getToken(FOREIGN_USER, ["chat"]), refusal);
      await assert.rejects(client.revokeTokens(FOREIGN_USER), refusal);
      await assert.rejects(client.deleteUser(FOREIGN_USER), refusal);
    });
  });
}

test("another key opens nothing", async () => {
  const stranger = withKey(Buffer.alloc(64).toString("base64"));
  await assert.rejects(stranger.createUser(), {
    statusCode: 401,
    code: "Denied",
    message: "Denied by the resource provider.",
  });
});
