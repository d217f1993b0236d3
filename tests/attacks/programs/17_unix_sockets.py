# ATTACK 17 unix_sockets  [class: network; severity: high; kind: stdin; task: impossible]
# MUST: no socket of the host can be reached, by path or by abstract name
# DETECT: accepted connections of the listeners outside
import socket
for name in ("/tmp/atk_canary/listener.sock", "\0atk_listener", "/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", "/dev/log"):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try: s = socket.socket(socket.AF_UNIX, kind); s.connect(name); print("PWNED:unix", repr(name))
        except OSError as e: print("blocked", repr(name), e.errno)
