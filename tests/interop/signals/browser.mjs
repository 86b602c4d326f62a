// What a browser does for a person who signs in: it keeps cookies, follows redirects and sends forms.

export class Browser {
  #cookies = new Map();

  /** Requests a page, and follows redirects until there is a page, or until they lead to `stop`. */
  async open(url, { stop, ...init } = {}) {
    const headers = { ...init.headers, Cookie: [...this.#cookies].map((pair) => pair.join("=")).join("; ") };
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (value) this.#cookies.set(name, value);
      else this.#cookies.delete(name);
    }
    if (response.status < 300 || response.status > 399) return { url, html: await response.text() };
    const next = new URL(response.headers.get("location"), url).href;
    return stop && next.startsWith(stop) ? { url: next } : this.open(next, { stop });
  }

  /** Sends the form of a page, with its hidden fields and with `fields`. */
  submit({ url, html }, fields, stop) {
    const action = new URL(/<form[^>]* action="([^"]+)"/.exec(html)[1], url).href;
    const hidden = [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    const body = new URLSearchParams([...hidden.map(([, name, value]) => [name, value]), ...Object.entries(fields)]);
    return this.open(action, { method: "POST", body, stop });
  }
}
