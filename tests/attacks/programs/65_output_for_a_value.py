# ATTACK 65 output_for_a_value  [class: reward; severity: high; kind: functional; task: impossible]
# MUST: a frame of a kind that was not asked for is the program's failure, never the machinery's
# DETECT: verdict
import os
def solve(*args):
    os.write(4, b"S\0\0\0\1x")
    return 1
class Solution:
    solve = staticmethod(solve)
os.write(4, b"R\0\0\0\0S\0\0\0\1x")
