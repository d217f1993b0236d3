# ATTACK 66 endless_talk  [class: exhaust; severity: high; kind: stdin; task: impossible]
# MUST: a program that says without end what nobody asked keeps nobody waiting
# DETECT: time; the controls' verdicts
import os
input()
os.write(4, b"D\0\0\0\1\1")
while True:
    os.write(4, b"z\0\0\0\0" * 4096)
