#!/usr/bin/env python3
"""node.py MODE [ARG...] - a node that lies, for executor: FILE.lua

Speaks dray's shell protocol (executors/session/shell.sh) on stdin/stdout as a hostile node would. A Lua
executor starts it:  connect = function(node) return {"python3", "node.py", MODE} end

Modes: what is done with the "observe" request (all other scripts end with status 0 and no output,
unless EVIL_ALL is set)
  file PATH      answers with the bytes of PATH as stdout
  endless        after the hello: endless lines without the nonce
  endless-frame  after the hello: one line with the nonce that never ends
  say            endless "progress" frames of the request
  set            endless "set" frames of the request
  half           an end frame that promises 8 MiB, half of it, then silence
  huge           an end frame that promises more than is allowed
  wrong-nonce    all frames under another nonce
  other-id       frames for ids that were never asked
  start-twice    many start frames with other pids, then the end
  stderr         endless stderr before any hello
  nohello        silence after the boot
  noise          endless bytes before the hello
  escapes        terminal escapes wherever a text can stand
  unsure         the same as the reason why it has no answer, and as what helps
  cut            exits in the middle of the answer
  random SEED [LOOK]  random frames of the request, of others, hellos, losses, then mostly an end (all
                 scripts; with LOOK, a file, the look says what is in it, lock and members are well)
  bad-start      a start frame with pid -1 / 0 / 1 / 99999999999
"""
import os, re, sys, time

mode = sys.argv[1]
inp = sys.stdin.buffer
out = sys.stdout.buffer

def line():
    l = inp.readline()
    if not l:
        sys.exit(0)
    return l

def put(b):
    out.write(b)
    out.flush()

def flood(send):
    """64 MiB as fast as they are read, more than dray may keep, and then on, without a load on the
    machine: who waits for a timeout needs no more."""
    sent = 0
    while True:
        sent += send()
        if sent > 64 << 20:
            time.sleep(0.05)

def say(b):
    put(b)
    return len(b)

def gate():
    l = line()
    m = re.match(rb"printf '\\n%s%s\\n' ([0-9a-f]+) ([0-9a-f]+)", l)
    put(b"\n" + m.group(1) + m.group(2) + b"\n")
    return b"while read -r l" in l

if not gate():
    gate()
rest = int(re.match(rb"rest=(\d+)\n", line()).group(1))
while not line().startswith(b"second || "):
    pass
inp.read(rest)
nonce = line().strip()
tell = nonce
if mode == "nohello":
    time.sleep(3600)
if mode == "noise":
    while True:
        put(b"x" * 65536)
if mode == "stderr":
    flood(lambda: os.write(2, b"\033]0;owned\007\033[31mnoise\n" * 1000))
if mode == "wrong-nonce":
    tell = b"0" * 32
if mode == "escapes":
    os.write(2, b"\033]0;owned\007\n")
put(b"\n" + tell + b" hello 1\n")
if mode == "endless":
    while True:
        put(b"y" * 1000 + b"\n")
if mode == "endless-frame":
    put(tell + b" 1 say ")
    while True:
        put(b"z" * 65536)

def end(i, body=b"", err=b"", status=0):
    put(tell + b" " + i + b" start 4711\n" + tell + b" " + i + b" end %d %d %d 0 0\n" % (status, len(body), len(err)) + body + err)

while True:
    mark, i, name, nbytes, count, nin, how, most, private = line().split()
    text = inp.read(int(nbytes))
    args = [line() for _ in range(int(count))]
    line()
    if int(nin):
        inp.read(int(nin))
        line()
    if mode == "random" and name in (b"observe", b"lock", b"put-members") and len(sys.argv) > 3:
        end(i, open(sys.argv[3], "rb").read() if name == b"observe" else b"")
        continue
    if mode == "random":
        import random
        rnd = globals().setdefault("rnd", random.Random(int(sys.argv[2])))
        for k in range(rnd.randrange(12)):
            j = i if rnd.random() < 0.8 else b"%d" % rnd.randrange(1, 9)
            put(tell + b" " + rnd.choice([j + b" start %d" % rnd.randrange(2, 99999), j + b" say progress x", j + b" say set instance y",
                j + b" say set again z", j + b" say set output q", b"hello 1", j + b" lost", j + b" say ", j + b" say set note " + b"n" * rnd.randrange(70000),
                j + b" end %d 4 3 1 1\nend\nerr" % rnd.randrange(256), b"noise"]) + b"\n")
        if rnd.random() < 0.1:
            sys.exit(0)
        if rnd.random() < 0.97:
            end(i, b"docker\tok\t1\t-\nend\n", b"e", rnd.choice([0, 0, 0, 0, 1, 75]))
        continue
    if name != b"observe" and not os.environ.get("EVIL_ALL"):
        end(i, b"end\n" if name == b"reach" else b"")
        continue
    if mode == "file":
        end(i, open(sys.argv[2], "rb").read())
    elif mode == "say":
        put(tell + b" " + i + b" start 4711\n")
        flood(lambda: say(tell + b" " + i + b" say progress " + b"p" * 60000 + b"\n"))
    elif mode == "set":
        put(tell + b" " + i + b" start 4711\n")
        flood(lambda: say(tell + b" " + i + b" say set note " + b"p" * 60000 + b"\n"))
    elif mode == "half":
        put(tell + b" " + i + b" start 4711\n" + tell + b" " + i + b" end 0 8388608 0 0 0\n" + b"q" * 4194304)
        time.sleep(3600)
    elif mode == "huge":
        put(tell + b" " + i + b" start 4711\n" + tell + b" " + i + b" end 0 99999999999999999999 0 0 0\n")
        time.sleep(3600)
    elif mode == "other-id":
        import random
        for k in range(100000):
            put(tell + b" %d end 0 4 0 0 0\nend\n" % random.getrandbits(63))
        time.sleep(3600)
    elif mode == "start-twice":
        for k in range(10000):
            put(tell + b" " + i + b" start %d\n" % (2 + k))
        end(i, b"end\n")
    elif mode == "bad-start":
        put(tell + b" " + i + b" start -1\n")
        time.sleep(3600)
    elif mode == "cut":
        put(tell + b" " + i + b" start 4711\n" + tell + b" " + i + b" end 0 100 0 0 0\nid\tm")
        sys.exit(0)
    elif mode in ("escapes", "unsure"):
        e = b"\033]0;owned\007\033[2J\033[31m\xc2\x9b31m\xe2\x80\xaeevil\x7f"
        if mode == "escapes":
            end(i, b"", (e + b"\x00") * 3, 7)
        else:
            end(i, b"", b"noise\n" + e + b"\nhint: " + e + b"\n", 3)
    else:
        end(i, b"end\n")
