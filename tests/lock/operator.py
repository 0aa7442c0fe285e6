"""operator.py ARGUMENTS STEP... - dray with these arguments on a terminal, and its user:
	wait TEXT       until dray shows it (once more, if it did already)
	say TEXT        types the line
	run ARGUMENTS   another dray meanwhile, without a terminal, which must end with 0
	do COMMAND      a shell command meanwhile, which must end with 0
	cut NODE        ends the shells that are open to the node
	wipe NODE       takes away what the node knows of clusters
Prints what dray showed, and ends as it does."""
import os, pty, select, shutil, signal, subprocess, sys, time

LIMIT_S = 60
dray = os.environ["DRAY"]
ours, theirs = pty.openpty()
child = subprocess.Popen([dray] + sys.argv[1].split(), stdin=theirs, stdout=theirs, stderr=theirs)
os.close(theirs)
shown, met = b"", 0


def take(seconds):
    """What dray shows within so many seconds; False at its end."""
    global shown
    if not select.select([ours], [], [], seconds)[0]:
        return True
    try:
        more = os.read(ours, 65536)
    except OSError:
        return False
    shown += more
    return bool(more)


def wait(text):
    global met
    end = time.monotonic() + LIMIT_S
    while text.encode() not in shown[met:]:
        if time.monotonic() > end or not take(0.2):
            break
    at = shown.find(text.encode(), met)
    if at < 0:
        sys.stdout.buffer.write(shown)
        sys.exit("operator.py: dray did not show %r" % text)
    met = at + len(text)


def cut(node):
    path = "boxes/%s/pids" % node
    for pid in open(path).read().split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    open(path, "w").close()


steps = sys.argv[2:]
for verb, text in zip(steps[::2], steps[1::2]):
    if verb == "wait":
        wait(text)
    elif verb == "say":
        os.write(ours, text.encode() + b"\n")
    elif verb == "run":
        subprocess.run([dray] + text.split(), stdin=subprocess.DEVNULL, check=True, timeout=LIMIT_S)
    elif verb == "do":
        subprocess.run(["bash", "-c", text], stdin=subprocess.DEVNULL, check=True, timeout=LIMIT_S)
    elif verb == "cut":
        cut(text)
    elif verb == "wipe":
        shutil.rmtree("boxes/%s/home/.local" % text)
    else:
        sys.exit("operator.py: what is %r?" % verb)
while take(0.5) or child.poll() is None:
    pass
sys.stdout.buffer.write(shown.replace(b"\r", b""))
sys.exit(child.wait())
