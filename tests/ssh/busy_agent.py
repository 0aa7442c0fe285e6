"""busy_agent.py SOCKET - an agent with a full door: nobody gets in for half a second, then
all that is said goes to the agent at $SSH_AUTH_SOCK."""
import os, socket, sys, threading, time

door = socket.socket(socket.AF_UNIX)
door.bind(sys.argv[1])
door.listen(0)
crowd = []
try:
    while True:
        one = socket.socket(socket.AF_UNIX)
        one.setblocking(False)
        one.connect(sys.argv[1])
        crowd.append(one)
except BlockingIOError:
    pass
print("full", flush=True)
time.sleep(0.5)


def pump(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.close()


for one in crowd:
    one.close()
while True:
    inside, _ = door.accept()
    agent = socket.socket(socket.AF_UNIX)
    agent.connect(os.environ["SSH_AUTH_SOCK"])
    for pair in (inside, agent), (agent, inside):
        threading.Thread(target=pump, args=pair, daemon=True).start()
