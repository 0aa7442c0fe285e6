#!/usr/bin/env python3
"""cloud.py FILE - a cloud's list of instances on a free port of 127.0.0.1, for inventories.

Prints the port, then answers GET /api/v1/instances with FILE, as it is at that moment, until
its stdin ends. Without the right key the answer is a 401. A FILE that begins with "500" is an
answer of that status.
"""
import http.server
import sys
import threading


class Cloud(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        text = open(sys.argv[1], "rb").read()
        status = 200
        if self.headers.get("Authorization") != "Bearer cloud-key":
            status, text = 401, b'{"error": {"code": "global/invalid-api-key"}}'
        elif self.path != "/api/v1/instances":
            status, text = 404, b"no such page"
        elif text.startswith(b"500"):
            status = 500
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
