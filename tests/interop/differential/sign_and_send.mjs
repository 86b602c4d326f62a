// Sends requests through the signing policy and the HTTP client of the SDK for JavaScript.
// A line of JSON in is a request, a line of JSON out is what was sent and what came of it.

import { createInterface } from "node:readline";

import { createCommunicationAuthPolicy } from "@azure/communication-common";
import { AzureKeyCredential } from "@azure/core-auth";
import {
  createDefaultHttpClient,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
} from "@azure/core-rest-pipeline";

const Present = Date;
const http = createDefaultHttpClient();

/** Runs `act` while this process's clock is off by so many seconds. */
async function skewed(seconds, act) {
  globalThis.Date = class extends Present {
    constructor(...parts) {
      super(...(parts.length ? parts : [Present.now() + seconds * 1000]));
    }
  };
  try {
    return await act();
  } finally {
    globalThis.Date = Present;
  }
}

async function signAndSend({ method, url, body, key, skew, send }) {
  const pipeline = createEmptyPipeline();
  pipeline.addPolicy(createCommunicationAuthPolicy(new AzureKeyCredential(key)));
  const request = createPipelineRequest({
    method,
    url,
    body: body || undefined,
    headers: createHttpHeaders({ "Content-Type": "application/json" }),
    allowInsecureConnection: true,
  });
  const client = send ? http : { sendRequest: async () => ({ status: 0, bodyAsText: "" }) };
  const { status, bodyAsText } = await skewed(skew, () => pipeline.sendRequest(client, request));
  const { pathname, search } = new URL(request.url);
  const headers = Object.fromEntries(request.headers);
  return { target: pathname + search, headers, status, text: bodyAsText ?? "" };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await signAndSend(JSON.parse(line))));
}
