#!/usr/bin/env python3
"""ssh.py MODE - an SSH port that lies, at 127.0.0.1; prints its number.

Before there is a key everything is in clear, so that no cryptography is needed:
  lines    lines without end, no banner
  noise    bytes without end, no line
  trickle  a byte now and then
  ignore   a banner, then SSH_MSG_IGNORE without end
  unasked  a banner, then packets that nobody waits for
  garbage  a banner, then random bytes
  kexinit  a banner, then SSH_MSG_KEXINIT with lists without end
"""
import os, random, signal, socket, struct, sys, time

def packet(body):
    pad = 8 - (5 + len(body)) % 8
    pad += 8 if pad < 4 else 0
    return struct.pack(">IB", 1 + len(body) + pad, pad) + body + bytes(pad)

def talk(c, mode):
    banner = b"SSH-2.0-evil\r\n"
    if mode == "trickle":
        while True:
            c.sendall(b"W")
            time.sleep(0.2)
    say = {"lines": b"Welcome\r\n" * 4000, "noise": b"n" * 65536,
           "ignore": packet(b"\x02" + struct.pack(">I", 8) + b"12345678") * 2000,
           "unasked": packet(b"\x52") * 4000,
           "garbage": random.Random(7).randbytes(65536),
           "kexinit": packet(b"\x14" + bytes(16) + struct.pack(">I", 30000) + b"a," * 15000)}[mode]
    if mode not in ("lines", "noise"):
        c.sendall(banner)
    while True:
        c.sendall(say)

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(64)
print(s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    if os.fork() == 0:
        signal.alarm(120)
        try:
            talk(c, sys.argv[1])
        except OSError:
            pass
        os._exit(0)
    c.close()
