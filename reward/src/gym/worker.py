# Scores answers with reasoning-gym's own scorers: one JSON request a line in, one JSON reply a line out.
#
# Every answer is scored in a process of its own, forked from this one after the package was imported. What an answer does to
# that process (some scorers evaluate it) is gone with it, and a scorer that hangs is killed.
import ctypes
import json
import math
import os
import resource
import select
import signal
import sys
import time

LONGEST_REPLY = 1 << 16
PR_SET_PDEATHSIG = 1


def main():
    limit_secs = float(sys.argv[1])
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.dup(1)
    # Whatever the package prints must not look like a reply.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    try:
        import importlib.metadata

        from reasoning_gym.factory import DATASETS, create_dataset

        hello = {"version": importlib.metadata.version("reasoning-gym"), "generators": sorted(DATASETS)}
    except BaseException as error:
        say(replies, {"error": told(error)})
        return
    prctl = ctypes.CDLL(None).prctl
    say(replies, hello)
    scorers = {}
    for line in requests:
        request = json.loads(line)
        reply = {"error": ""}
        try:
            name = request["dataset"]
            if name not in scorers:
                # The scorer is a method; that of a data set with default settings serves every question.
                scorers[name] = create_dataset(name, seed=0, size=1).score_answer
            request["entry"] = restored(request["entry"])
            reply = scored(scorers[name], request, limit_secs, prctl, (requests.fileno(), replies))
        except Exception as error:
            reply = {"error": told(error)}
        reply["id"] = request["id"]
        say(replies, reply)


def scored(scorer, request, limit_secs, prctl, ours):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            for descriptor in (reader, *ours):
                os.close(descriptor)
            cpu = int(limit_secs) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
            try:
                score = float(scorer(answer=request["answer"], entry=request["entry"]))
                reply = {"score": score} if math.isfinite(score) else {"odd": str(score)}
            except BaseException as error:
                reply = {"error": told(error)}
            os.write(writer, json.dumps(reply).encode())
        finally:
            os._exit(0)
    os.close(writer)
    try:
        said, late = heard(reader, time.monotonic() + limit_secs)
    finally:
        os.close(reader)
        for end in (os.killpg, os.kill):
            try:
                end(child, signal.SIGKILL)
            except OSError:
                pass
        status = os.waitpid(child, 0)[1]
    if late:
        return {"late": True}
    try:
        reply = json.loads(said, parse_constant=refused)
        return {key: reply[key] for key in ("score", "odd", "error") if key in reply}
    except (ValueError, TypeError):
        return {"died": f"wait status {status}"}


def refused(constant):
    raise ValueError(constant)


def heard(reader, deadline):
    said = b""
    while len(said) < LONGEST_REPLY:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return said, True
        piece = os.read(reader, 4096)
        if not piece:
            return said, False
        said += piece
    return b"", False


def restored(value):
    # What JSON has no form for, as scripts/export_reasoning_gym.py writes it.
    if isinstance(value, list):
        return [restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["__tuple__"]:
        return tuple(restored(item) for item in value["__tuple__"])
    return {key: restored(item) for key, item in value.items()}


def told(error):
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except Exception:
        return type(error).__name__


def say(replies, reply):
    text = json.dumps(reply).encode() + b"\n"
    while text:
        text = text[os.write(replies, text) :]


main()
