#!/usr/bin/env python3
"""watch.py SECONDS FILE COMMAND... - its exit code, or 124; FILE gets the KiB that it took at most."""
import resource, subprocess, sys

p = subprocess.Popen(sys.argv[3:])
try:
    rc = p.wait(float(sys.argv[1]))
except subprocess.TimeoutExpired:
    p.terminate()
    p.wait()
    rc = 124
open(sys.argv[2], "w").write("%d\n" % resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(rc if rc >= 0 else 128 - rc)
