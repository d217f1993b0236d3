# ATTACK 64 leftover_children  [class: exhaust; severity: high; kind: stdin; task: sum]
# MUST: what a process leaves in its cell, children that hold its memory among them, is gone before its next test's process starts
# DETECT: the verdict is the program's own, never unscorable
import os, socket, sys
print(sum(map(int, input().split())), flush=True)
for _ in range(6):
    try:
        if os.fork():
            continue
    except OSError:
        break
    for fd in range(5):
        os.close(fd)
    held = []
    try:
        while True:
            pair = socket.socketpair()
            for end in pair:
                end.setblocking(False)
                try:
                    while True:
                        end.send(b"x" * 4096)
                except BlockingIOError:
                    pass
            held.append(pair)
    except OSError:
        pass
    while True:
        pass
os._exit(0)
