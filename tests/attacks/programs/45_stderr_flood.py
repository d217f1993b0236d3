# ATTACK 45 stderr_flood  [class: output; severity: high; kind: stdin; task: impossible]
# MUST: standard error is capped as standard output is
# DETECT: bytes kept; harness memory; wall time
import os
b = b"E" * 65536
while True: os.write(2, b)
