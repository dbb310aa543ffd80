#!/usr/bin/env python3
"""Checks the document of `vaultscope run --json`.

usage: reconciled.py DOCUMENT FILES [LOGS]
LOGS is how the log step must stand: ok unless another is given.
"""
import json
import pathlib
import sys

report = json.loads(pathlib.Path(sys.argv[1]).read_text())
keys = 1 + 10 + int(sys.argv[2]) + 1
counts = report["counts"]
logs = sys.argv[3] if len(sys.argv) > 3 else "ok"
assert report["version"] == 1 and report["kind"] == "run", report
assert report["reconciled"] is True and report["outcome"] == "successful", report
assert report["dataset"]["keys"] == keys, (report["dataset"], keys)
assert (counts["expected"], counts["present"]) == (keys, keys), counts
assert (counts["missing"], counts["unexpected"], counts["deadLetters"]) == (0, 0, 0), counts
assert report["missingKeys"] == [] and report["unexpectedKeys"] == [], report
assert report["execution"]["status"] == "SUCCEEDED", report["execution"]
steps = {name: step["state"] for name, step in report["steps"].items()}
wanted = dict.fromkeys(["deploy", "upload", "notifications", "items", "execution"], "ok") | {"logs": logs}
assert steps == wanted, report["steps"]
print(f"{keys} keys reconciled in {report['seconds']['total']:.2f} s, {report['rates']}, {report['memory']}, route {report['route']['way']}")
