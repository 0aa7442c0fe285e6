#!/usr/bin/env python3
"""A vLLM for what the stand-in in C does not do: TLS, several names, models that do not chat.

--runner pooling makes it an embedding model, --chat-template none one that only completes text.
It wants the key in VLLM_API_KEY, if there is one.
"""
import json
import os
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def values(name):
    """All words behind --name."""
    if name not in sys.argv:
        return []
    rest = sys.argv[sys.argv.index(name) + 1:]
    return rest[:next((i for i, word in enumerate(rest) if word.startswith("--")), len(rest))]


if "--dray-ends-here" in sys.argv:
    print("vllm serve: error: unrecognized arguments: --dray-ends-here", file=sys.stderr)
    sys.exit(2)
NAMES = values("--served-model-name")
POOLING = values("--runner") == ["pooling"]
BASE = values("--chat-template") == ["none"]
KEY = os.environ.get("VLLM_API_KEY")


def answer(path, ask):
    if path == "/v1/embeddings":
        return (200, {"data": [{"embedding": [0.5, 0.25]}]}) if POOLING else (404, {"detail": "Not Found"})
    if path == "/v1/rerank":
        return 400, {"error": {"message": "The model does not support Rerank (Score) API"}}
    if POOLING:
        return (404, {"detail": "Not Found"}) if path == "/v1/chat/completions" else (
            400, {"error": {"message": "The model does not support Completions API"}})
    if path == "/v1/chat/completions" and BASE:
        return 400, {"error": {"message": "default chat template is no longer allowed"}}
    said = {"delta" if ask.get("stream") else "message": {"role": "assistant", "content": "Hello."}}
    if path == "/v1/completions":
        said = {"text": " world."}
    return 200, {"choices": [said], "usage": {"completion_tokens": 2}}


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def say(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        listed = {"data": [{"id": name} for name in NAMES]}
        self.say(200, json.dumps(listed if self.path == "/v1/models" else {}).encode())

    def do_POST(self):
        ask = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if KEY and self.headers.get("Authorization") != "Bearer " + KEY:
            self.say(401, b'{"error": "Unauthorized"}')
        elif ask["model"] not in NAMES:
            self.say(404, b'{"error": {"message": "The model does not exist."}}')
        else:
            status, said = answer(self.path, ask)
            text = json.dumps(said)
            if status == 200 and ask.get("stream"):
                self.say(200, ("data: %s\n\ndata: [DONE]\n\n" % text).encode(), "text/event-stream")
            else:
                self.say(status, text.encode())

    def log_message(self, *words):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass


server = ThreadingHTTPServer((values("--host")[0], int(values("--port")[0])), Api)
if values("--ssl-certfile"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(values("--ssl-certfile")[0], values("--ssl-keyfile")[0])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("Application startup complete.", flush=True)
server.serve_forever()
