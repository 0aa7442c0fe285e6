#!/usr/bin/env python3
"""web.py FOLDER LOG PORTFILE [CERT KEY] - a web server for tests: files of FOLDER with ranges, over TLS
if there is a certificate. LOG gets a line for each request: METHOD PATH STATUS RANGE AUTHORIZATION.
What FOLDER/.demands says, it does: "token T" wants that bearer token, "cut N" ends the connection after N
bytes of the next answer of more, "norange" ignores ranges, "away PATH" redirects that to http://."""
import http.server
import os
import ssl
import sys
import urllib.parse

folder, log = os.path.abspath(sys.argv[1]), open(sys.argv[2], "a", buffering=1)


def demands():
    try:
        with open(folder + "/.demands") as f:
            return dict((line.split(None, 1) + [""])[:2] for line in f.read().splitlines())
    except OSError:
        return {}


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def say(self, status, **headers):
        print(self.command, self.path, status, self.headers.get("Range", "-"),
              self.headers.get("Authorization", "-"), file=log)
        self.send_response(status)
        headers.setdefault("Content_Length", 0)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_GET(self):
        wants = demands()
        name = os.path.normpath(folder + urllib.parse.unquote(self.path))
        if "token" in wants and self.headers.get("Authorization") != "Bearer " + wants["token"]:
            return self.say(401)
        if self.command == "GET" and wants.get("away") == self.path:
            return self.say(302, Location="http://127.0.0.1:9/elsewhere")
        if not name.startswith(folder + "/") or not os.path.isfile(name):
            return self.say(404)
        size, at, status = os.path.getsize(name), 0, 200
        asked = self.headers.get("Range", "")
        more = {}
        if asked.startswith("bytes=") and "norange" not in wants:
            first, last = asked[6:].split("-")
            at, status = int(first), 206
            if at >= size:
                return self.say(416)
            end = min(int(last) + 1, size) if last else size
            more["Content_Range"] = "bytes %d-%d/%d" % (at, end - 1, size)
        else:
            end = size
        self.say(status, Content_Length=end - at, **more)
        if self.command == "HEAD":
            return
        if "cut" in wants and end - at > int(wants["cut"]):
            os.remove(folder + "/.demands")
            end, self.close_connection = at + int(wants["cut"]), True
        with open(name, "rb") as f:
            f.seek(at)
            self.wfile.write(f.read(end - at))

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
server.daemon_threads = True
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(sys.argv[3] + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(sys.argv[3] + ".new", sys.argv[3])
server.serve_forever()
