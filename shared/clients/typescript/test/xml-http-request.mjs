// XMLHttpRequest as React Native has it, on the HTTP client of Node.js: it follows redirects whatever `fetch` was told,
// has no streams, and reports headers in the spelling of the server.

import { request } from "node:http";

export class XMLHttpRequest {
  headers = {};
  status = 0;
  statusText = "";
  responseText = "";
  response = "";
  responseURL = "";

  open(method, url) {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name, value) {
    this.headers[name] = value;
  }

  getAllResponseHeaders() {
    const { rawHeaders } = this.message;
    let lines = "";
    for (let at = 0; at < rawHeaders.length; at += 2) lines += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
    return lines;
  }

  send(body) {
    this.follow(this.url, this.method, body);
  }

  follow(url, method, body) {
    this.sent = request(url, { method, headers: this.headers }, (message) => {
      if (message.statusCode > 300 && message.headers.location) {
        message.resume();
        return this.follow(new URL(message.headers.location, url), "GET");
      }
      this.receive(message, url);
    });
    this.sent.on("error", () => this.aborted || this.onerror());
    this.sent.end(body ?? undefined);
  }

  async receive(message, url) {
    message.setEncoding("utf8");
    let text = "";
    for await (const part of message) text += part;
    Object.assign(this, { message, status: message.statusCode, responseText: text, response: text, responseURL: `${url}` });
    this.onload();
  }

  abort() {
    this.aborted = true;
    this.sent.destroy();
    this.onabort();
  }
}
