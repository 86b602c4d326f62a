// The end of the sign-in: hands the answer of the issuer to the page that opened this window.

const answer = Object.fromEntries(new URLSearchParams(location.search));
// The code is of no use without the verifier, which only the opener has. It is still removed from the address.
history.replaceState(null, "", location.pathname);
if (window.opener) {
  // The page that has received the answer says so. A window that closes earlier could look like one that the user closed.
  addEventListener("message", ({ origin, source }) => {
    if (origin === location.origin && source === window.opener) window.close();
  });
  window.opener.postMessage({ signIn: answer }, location.origin);
} else {
  document.getElementById("result").textContent = "The page that started the sign-in is gone. Close this window and start again.";
}
