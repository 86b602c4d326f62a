// An identity provider from another project, oidc-provider, on a free port. It prints its URL, and
// issues access tokens for the client `app` by the client credentials grant.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";

import Provider from "oidc-provider";

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const resource = (audience) => ({
  audience,
  scope: "guestpass.token other",
  accessTokenFormat: "jwt",
  jwt: { sign: { alg: "RS256" } },
});

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      { client_id: "app", client_secret: "secret", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256" }] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, audience) => resource(audience),
      },
    },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
