#!/usr/bin/env python3
"""Watches a job in the dashboard, records the session, and makes the calls that it recorded again, as the commands which the
Activity page copies: those that only read have to end well.

usage: calls.py VAULTSCOPE URL AWS
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

vaultscope, url, aws = sys.argv[1:]
work = tempfile.TemporaryDirectory(prefix="vaultscope-calls-")
folder = pathlib.Path(work.name)
env = {"PATH": f"{pathlib.Path(aws).resolve().parent}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "xterm-256color",
       "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
       # StartLiveTail has a host of its own on AWS, and an endpoint has one for all.
       "AWS_DISABLE_HOST_PREFIX_INJECTION": "true"}


def tmux(*words):
    return subprocess.run(["tmux", "-L", "vaultscope-calls", *words], env=env, capture_output=True, text=True).stdout


def session(recording):
    """Deploys, starts a job, looks into the bucket, and leaves."""
    command = f"'{vaultscope}' --endpoint-url '{url}' --record '{recording}'; echo \"the dashboard ended with $?\"; sleep 60"
    tmux("new-session", "-d", "-s", "calls", "-x", "140", "-y", "45", command)
    try:
        for shown, keys in [("d deploy", "d"), ("Enter deploy", "Enter"), ("COMPLETE", "s"), ("Missing files", "Enter"),
                            ("Reconciliation Successful", "6"), ("▾ .*\n.*▸ .*-vaultjob/", "j"), ("-vaultjob/", "Enter"),
                            ("▾ .*-vaultjob/.*\n.*▸", "j"), ("-vaultjob/", "Enter"), ("▾ .*-vaultjob/.*\n.*▾", "j"), ("-vaultjob/", "Enter"),
                            ("Content|content|bytes|hex", "9"), ("Calls by operation", "o"),
                            ("latest changes first", "y"), ("copied [0-9]+ characters: aws ", "C-c"), ("dashboard ended with 0", None)]:
            end = time.monotonic() + 60
            while not re.search(shown, screen := tmux("capture-pane", "-p", "-t", "calls")):
                assert time.monotonic() < end, f"{shown} was not shown:\n{screen}"
                time.sleep(0.1)
            if keys:
                tmux("send-keys", "-t", "calls", keys)
    finally:
        tmux("kill-server")


def commands(recording):
    """The last row of each operation, with the command that was told for it last."""
    rows, size, told = {}, 0, 0
    for line in recording.read_text().splitlines()[1:]:
        event = json.loads(line)[1]
        if "activity" not in event:
            continue
        size, told = size + len(line), told + 1
        for row in event["activity"]["rows"]:
            known = rows.setdefault((row["service"], row["operation"]), {})
            known.update(row)
    print(f"{told} counts of calls, {size / 1024:.0f} kB of {recording.stat().st_size / 1024:.0f} kB")
    return rows


recording = folder / "session.jsonl"
session(recording)
rows = commands(recording)
wrong, made = [], 0
for (service, operation), row in sorted(rows.items()):
    command = row.get("command")
    assert command, f"no command of {service} {operation}"
    if row["changes"]:
        continue
    line = f"{command} --endpoint-url {url} --region us-east-1 --output json"
    try:
        ended = subprocess.run(["sh", "-ec", line], cwd=folder, env=env, capture_output=True, text=True, timeout=20)
    except subprocess.TimeoutExpired:
        # A live tail goes on until somebody ends it.
        assert operation == "StartLiveTail", line
        made += 1
        continue
    made += 1
    # What was not there then, such as a stack, is there now; a change set that was executed is gone.
    is_told = f"when calling the {operation} operation" in ended.stderr and (row["errors"] or operation == "DescribeChangeSet")
    if ended.returncode and not is_told:
        wrong.append(f"{line}\n  ended with {ended.returncode}: {ended.stderr.strip()}")
assert made >= 15, f"only {made} operations that read"
assert not wrong, "\n".join(wrong)
print(f"{made} of {len(rows)} operations of a session were called again")
