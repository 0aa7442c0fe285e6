#!/usr/bin/env python3
"""board.py FILE - a chat webhook and a load balancer's API on a free port of 127.0.0.1.

Prints the port, then answers until its stdin ends. Each request is a line in FILE.
POST /chat takes a message; PUT /backends/NAME/state and GET /backends/NAME are the load
balancer, whose backend has two requests under way when it is told to drain, one fewer with
each look. A request without its token is answered with 403.
"""
import http.server
import json
import sys
import threading


class Board(http.server.BaseHTTPRequestHandler):
    active = 2

    def log_message(self, *args):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        n = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(n)) if n else None
        with open(sys.argv[1], "a") as f:
            f.write(f"{self.command} {self.path} {json.dumps(body)}\n")
        if self.path == "/chat":
            return self.answer(200, {"ok": True})
        if self.headers.get("Authorization") != "Bearer lb-token":
            return self.answer(403, {"error": "no token"})
        if self.command == "PUT" and body == {"state": "ready"}:
            Board.active = 2
        elif self.command == "GET":
            Board.active = max(0, Board.active - 1)
        return self.answer(200, {"active": Board.active})

    do_GET = do_POST = do_PUT = handle_any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Board)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
