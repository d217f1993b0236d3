# ATTACK 15 connect  [class: network; severity: high; kind: stdin; task: impossible]
# MUST: no port of the host can be reached, loopback included
# DETECT: accepted connections and datagrams of the listeners outside
import socket
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "0.0.0.0")):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            s = socket.socket(family, kind); s.settimeout(0.5); s.connect((host, 47631)); s.send(b"HELLO"); print("sent", host, kind)
            if kind == socket.SOCK_STREAM: print("PWNED:connected", host)
        except OSError as e: print("blocked", host, kind, e.errno)
