#!/usr/bin/env python3
"""A model of the schedule by which the reference implementation rolls workflows out.

Episodes go in blocks of 10 to 8 threads. Within an episode each step waits for the one before it, and a block waits for
its slowest episode before the next block begins. A step is one POST to an OpenAI-compatible chat endpoint over the
thread's own connection, which is kept open; an answer 429 is tried again after a second.

Reads one JSON object a line, {"steps": n, "message": "optional text"}, and prints one JSON object:
    {"episodes", "seconds", "calls", "retries", "failed"}

Example:
    printf '{"steps": 3}\\n{"steps": 1}\\n' | python3 reference_schedule.py --base-url http://127.0.0.1:8801/v1
"""

import argparse
import http.client
import json
import sys
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor, wait

TOO_MANY_REQUESTS = 429


class StepFailed(Exception):
    """A step that no second try mends: its episode ends here."""


class Client:
    """POSTs to one endpoint, with a connection for each thread that uses it."""

    def __init__(self, base_url, model, pause, timeout):
        url = urllib.parse.urlsplit(base_url)
        if url.scheme != "http" or not url.hostname:
            raise SystemExit(f"--base-url: expected http://host:port/path, given {base_url!r}")
        self.address = (url.hostname, url.port or 80)
        self.path = url.path.rstrip("/") + "/chat/completions"
        self.model, self.pause, self.timeout = model, pause, timeout
        self.own = threading.local()

    def ask(self, message):
        """One step; returns how often it was told to come back later."""
        body = json.dumps(
            {"model": self.model, "messages": [{"role": "user", "content": message}], "max_tokens": 1024}
        )
        retries = 0
        while True:
            status = self.post(body)
            if status == TOO_MANY_REQUESTS:
                retries += 1
                time.sleep(self.pause)
            elif status == 200:
                return retries
            else:
                raise StepFailed(f"the endpoint answered {status}")

    def post(self, body):
        """Sends the body and reads the whole answer; a kept connection that has gone stale is opened anew once."""
        while True:
            connection = getattr(self.own, "connection", None)
            is_new = connection is None
            if is_new:
                connection = http.client.HTTPConnection(*self.address, timeout=self.timeout)
                self.own.connection = connection
            try:
                connection.request("POST", self.path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                return response.status
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                self.own.connection = None
                if is_new:
                    raise StepFailed(str(error) or type(error).__name__) from error


def run_episode(client, episode):
    """All steps of an episode, one after another: (calls answered, retries, whether a step failed)."""
    calls = retries = 0
    for step in range(episode["steps"]):
        try:
            retries += client.ask(episode.get("message") or f"Step {step} of a workflow.")
        except StepFailed as error:
            print(f"step {step}: {error}", file=sys.stderr)
            return calls, retries, True
        calls += 1
    return calls, retries, False


def run(client, episodes, block, threads):
    """Every block in turn; the next begins when the last episode of the one before is done."""
    total = {"episodes": len(episodes), "seconds": 0.0, "calls": 0, "retries": 0, "failed": 0}
    start = time.perf_counter()
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for first in range(0, len(episodes), block):
            futures = [pool.submit(run_episode, client, e) for e in episodes[first : first + block]]
            wait(futures)
            for calls, retries, failed in (future.result() for future in futures):
                total["calls"] += calls
                total["retries"] += retries
                total["failed"] += failed
        total["seconds"] = time.perf_counter() - start
    return total


def read_episodes(file):
    episodes = []
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            episode = json.loads(line)
            is_one = isinstance(episode, dict) and type(episode.get("steps")) is int and episode["steps"] >= 1
        except json.JSONDecodeError:
            is_one = False
        if not is_one:
            raise SystemExit(f'line {number}: expected {{"steps": a number from 1}}, given {line.strip()[:80]!r}')
        episodes.append(episode)
    return episodes


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], epilog="bench/peers/README.md says what this models and what not."
    )
    parser.add_argument("file", nargs="?", help="episodes as JSON lines; absent means standard input")
    parser.add_argument("--base-url", required=True, help="the part before /chat/completions")
    parser.add_argument("--model", default="m")
    parser.add_argument("--block", type=int, default=10, help="episodes that wait for one another (10)")
    parser.add_argument("--threads", type=int, default=8, help="episodes at once (8)")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds before a 429 is tried again (1)")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for one answer (120)")
    args = parser.parse_args()
    if args.block < 1 or args.threads < 1:
        parser.error("--block and --threads: expected numbers from 1")
    if args.file:
        with open(args.file, encoding="utf-8") as file:
            episodes = read_episodes(file)
    else:
        episodes = read_episodes(sys.stdin)
    client = Client(args.base_url, args.model, args.pause, args.timeout)
    total = run(client, episodes, args.block, args.threads)
    print(json.dumps(total))
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
