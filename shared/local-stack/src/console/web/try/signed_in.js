// The end of the sign-in: hands the answer of the issuer to the page that opened this window.

const answer = Object.fromEntries(new URLSearchParams(location.search));
// The code is of no use without the verifier, which only the opener has. It is still removed from the address.
history.replaceState(null, "", location.pathname);
if (window.opener) {
  window.opener.postMessage({ signIn: answer }, location.origin);
  window.close();
} else {
  document.getElementById("result").textContent = "The page that started the sign-in is gone. Close this window and start again.";
}
