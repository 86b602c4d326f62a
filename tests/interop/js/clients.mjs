// Clients of @azure/communication-identity: every way to make one, every version they speak.

import { CommunicationIdentityClient } from "@azure/communication-identity";
import { AzureKeyCredential } from "@azure/core-auth";

import { acs } from "./helpers.mjs";

export const VERSIONS = ["2021-03-07", "2022-10-01", "2023-10-01"];
export const DEFAULT_VERSION = "2023-10-01";

/** What came with later versions than the first; their texts sort by age. */
export const hasCustomExpiry = (version) => version >= "2022-10-01";
export const hasJoinScopes = (version) => version >= "2023-10-01";
export const hasTeamsExchange = (version) => version >= "2022-06-01";

const APP = "e0000000-0000-4000-8000-000000000002";
const APP_SECRET = "development-secret";

/** Of the application that the emulator's issuer knows, by its secret. */
const entraCredential = {
  async getToken(scopes) {
    const answer = await fetch(`${acs.https}/organizations/oauth2/v2.0/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: APP,
        client_secret: APP_SECRET,
        scope: [scopes].flat().join(" "),
      }),
    });
    if (!answer.ok) throw new Error(`the issuer answered ${answer.status}`);
    const { access_token: token, expires_in: seconds } = await answer.json();
    return { token, expiresOnTimestamp: Date.now() + seconds * 1000 };
  },
};

/** Makes a client ask for a version that the package does not let one choose. */
function speaking(version) {
  const policy = {
    name: "version",
    sendRequest(request, next) {
      const url = new URL(request.url);
      url.searchParams.set("api-version", version);
      request.url = url.href;
      return next(request);
    },
  };
  // Once per call, before the signature is made.
  return { additionalPolicies: version === DEFAULT_VERSION ? [] : [{ policy, position: "perCall" }] };
}

const plain = { allowInsecureConnection: true };

export const withKey = (key) =>
  new CommunicationIdentityClient(acs.http, new AzureKeyCredential(key), plain);

const secureConnectionString = `endpoint=${acs.https}/;accesskey=${acs.accessKey}`;

const secure = {
  "a connection string, over https": (version) =>
    new CommunicationIdentityClient(secureConnectionString, speaking(version)),
  "an Entra credential, over https": (version) =>
    new CommunicationIdentityClient(acs.https, entraCredential, speaking(version)),
};

/** `[description, client, version]` of all. */
export const CLIENTS = [
  ["an endpoint and a key", withKey(acs.accessKey), DEFAULT_VERSION],
  ["a connection string", new CommunicationIdentityClient(acs.connectionString, plain), DEFAULT_VERSION],
  ...Object.entries(secure).flatMap(([made, make]) =>
    VERSIONS.map((version) => [`${made}, for ${version}`, make(version), version]),
  ),
];
