#!/usr/bin/env python3
"""web.py FOLDER LOG PORTFILE [CERT KEY] - a web server for tests: files of FOLDER with ranges, over TLS
if there is a certificate. LOG gets a line for each request: METHOD PATH STATUS RANGE AUTHORIZATION COOKIE.
What FOLDER/.demands says, it does: "token T" wants that bearer token, "cut N" ends the connection after N
bytes of the next answer of more, "norange" ignores ranges, "away PATH" redirects that to http://.
FOLDER/ORG/NAME is also what ModelScope has of that name, branch master, as its API tells it: "session T"
wants that cookie, and files of more than 1 MB are redirected to another host."""
import hashlib
import http.server
import json
import os
import ssl
import sys
import threading
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
        sent = [self.headers.get(name, "-") for name in ("Range", "Authorization", "Cookie")]
        log.write(f"{self.command} {self.path} {status} {' '.join(sent)}\n")
        self.send_response(status)
        headers.setdefault("Content_Length", 0)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def body(self, status, value):
        """What ModelScope says, as it is: HTTP status and Code, and Message if it is no."""
        text = json.dumps({"Code": status if status == 200 else 10010205001, "RequestId": "x", "Success": status == 200,
                           **value}).encode()
        self.say(status, Content_Length=len(text), Content_Type="application/json")
        self.wfile.write(text)

    def modelscope(self, wants):
        """GET /api/v1/models/ORG/NAME/repo/files?Revision=&Recursive=True, and .../repo?Revision=&FilePath="""
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        parts = url.path.split("/")[4:]
        root = os.path.join(folder, *parts[:2])
        if "session" in wants and "m_session_id=" + wants["session"] not in self.headers.get("Cookie", ""):
            return self.body(404, {"Message": "The model does not exist or you have no access to it"})
        if not os.path.isdir(root):
            return self.body(404, {"Message": "The model does not exist or you have no access to it"})
        if query["Revision"] not in ("master", "5" * 40):
            return self.body(404, {"Message": "git revision %s not found" % query["Revision"]})
        if parts[2:] == ["repo"]:
            name = os.path.join(root, query["FilePath"])
            host = "127.0.0.2" if os.path.getsize(name) > 1000000 else "127.0.0.1"
            path = "/" + urllib.parse.quote(os.path.relpath(name, folder))
            if host == "127.0.0.2":
                return self.say(302, Location="http://%s:%d%s" % (host, self.server.server_address[1], path))
            self.path = path
            return self.file(wants)
        files = []
        for at, _, names in os.walk(root):
            if at != root:
                files.append({"Type": "tree", "Name": os.path.basename(at), "Path": os.path.relpath(at, root), "Size": 0,
                              "Sha256": "", "IsLFS": False, "Mode": "16384", "Revision": "5" * 40})
            for n in names:
                with open(os.path.join(at, n), "rb") as f:
                    text = f.read()
                files.append({"Type": "blob", "Name": n, "Path": os.path.relpath(os.path.join(at, n), root), "InCheck": False,
                              "Size": len(text), "Sha256": hashlib.sha256(text).hexdigest(), "IsLFS": len(text) > 1000000,
                              "Mode": "33188", "Revision": "5" * 40, "CommitMessage": "x", "CommittedDate": 1726842501})
        self.body(200, {"Message": "success", "Data": {"Files": files, "IsVisual": 0, "LatestCommitter": {"Id": ""}}})

    def do_GET(self):
        wants = demands()
        if self.path.startswith("/api/v1/models/"):
            return self.modelscope(wants)
        self.file(wants)

    def file(self, wants):
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
other = http.server.ThreadingHTTPServer(("127.0.0.2", server.server_address[1]), Web)
threading.Thread(target=other.serve_forever, daemon=True).start()
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(sys.argv[3] + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(sys.argv[3] + ".new", sys.argv[3])
server.serve_forever()
