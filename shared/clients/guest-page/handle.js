// Takes the handle of the invitation out of the address, so that neither the tab's history nor a copied address has it.
//
// The handle stays in sessionStorage: only this tab has it, it is sent nowhere, and it survives a reload, after which the
// address has none any more. The browser deletes it with the tab. A scanner of links may run this, too: it spends nothing.
"use strict";

(() => {
  const handle = location.hash.slice(1);
  if (!handle) return;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    if (sessionStorage.getItem("guestpass-handle") !== handle) sessionStorage.removeItem("guestpass-joined");
    sessionStorage.setItem("guestpass-handle", handle);
  } catch {
    // The browser blocks site data. The page says so, and needs the handle for nothing else.
  }
})();
