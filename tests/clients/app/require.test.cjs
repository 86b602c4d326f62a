// An app in CommonJS: it requires the packed client.

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { AzureCommunicationTokenCredential } = require("@azure/communication-common");
const { createTokenRefresher } = require("guestpass-client");

for (const name of ["guestpass-client", "guestpass-client/guest", "guestpass-client/teams"]) {
  test(`${name} is required from the build for it, and exports what an import gets`, async () => {
    assert.match(require.resolve(name), /guestpass-client.dist.cjs.\w+\.js$/);
    const required = require(name);
    const imported = await import(name);
    assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort());
    assert.ok(Object.values(required).some((one) => typeof one === "function"));
  });
}

test("a credential that is required gets a live token", async (t) => {
  const { introspect, places, User } = await import("../stack.mjs");
  const user = new User();
  const tokenRefresher = createTokenRefresher({ url: places.gateway, getBearer: user.signIn });
  const credential = new AzureCommunicationTokenCredential({ tokenRefresher, refreshProactively: true });
  t.after(() => (credential.dispose(), tokenRefresher.source.dispose()));
  assert.equal((await introspect((await credential.getToken()).token)).active, true);
});
