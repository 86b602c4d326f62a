// An app in another container than the local stack: guestpass-client with a bearer of the stack's issuer.
// GATEWAY and ISSUER are the addresses, and CLIENT is the file with the client.

const { createTokenSource } = await import(process.env.CLIENT);
const signIn = async () => {
  const body = new URLSearchParams({ sub: "alice", scope: "guestpass.token" });
  const answer = await fetch(`${process.env.ISSUER}/token`, { method: "POST", body });
  if (!answer.ok) throw new Error(`the issuer answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()).access_token;
};
const source = createTokenSource({
  url: process.env.GATEWAY,
  getBearer: signIn,
  onState: (state) => state.error && console.error(state.error),
});
const { communicationUserId, expiresOnTimestamp } = await source.fetch();
console.log(`${communicationUserId} has a token until ${new Date(expiresOnTimestamp).toISOString()}`);
source.dispose();
