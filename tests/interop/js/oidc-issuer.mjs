// An identity provider from another project, oidc-provider, on a free port. It prints its URL. It
// issues access tokens for the client `app` by the client credentials grant. Clients that are
// registered can sign users in, and get logout tokens by Back-Channel Logout.

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

/** The logout tokens that were sent: the client, and `delivered` or the error. */
const deliveries = [];

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      { client_id: "app", client_secret: "secret", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256" }] },
    // The provider's own dispatcher refuses addresses of this machine, where the receiver is.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    features: {
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      // Forms without passwords, in which a user signs in and consents.
      devInteractions: { enabled: true },
      // A client has its name as its id, so that the configuration of a receiver can name it before.
      registration: { enabled: true, idFactory: (context) => context.oidc.body.client_name },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, audience) => resource(audience),
      },
    },
  });
  const record = ({ clientId }, outcome) => deliveries.push({ client: clientId, outcome });
  provider.on("backchannel.success", (_, client) => record(client, "delivered"));
  provider.on("backchannel.error", (_, error, client) => record(client, error.message));
  const callback = provider.callback();
  server.on("request", (request, response) => {
    if (request.url === "/deliveries") response.end(JSON.stringify(deliveries));
    else callback(request, response);
  });
  console.log(issuer);
});
