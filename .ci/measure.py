#!/usr/bin/env python3
"""Runs a command and watches the memory of its process tree.

usage: measure.py --most-mb N -- COMMAND…

Prints to stderr the peak of the tree's memory with shared pages counted once (proportional) and once a process
(resident, as `top` does); fails when the proportional peak is above N MB, or with the command's own exit code.
"""
import argparse
import pathlib
import subprocess
import sys
import time

ap = argparse.ArgumentParser()
ap.add_argument("--most-mb", type=float, required=True)
ap.add_argument("command", nargs="+")
args = ap.parse_args()


def tree(root):
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def kilobytes(pid):
    rollup = {}
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if rest.endswith("kB"):
                rollup[name] = int(rest.split()[0])
    except OSError:
        pass
    return rollup.get("Rss", 0), rollup.get("Pss", 0)


process = subprocess.Popen(args.command)
peak_rss = peak_pss = 0
while process.poll() is None:
    sizes = [kilobytes(pid) for pid in tree(process.pid)]
    peak_rss = max(peak_rss, sum(rss for rss, _ in sizes) / 1024)
    peak_pss = max(peak_pss, sum(pss for _, pss in sizes) / 1024)
    time.sleep(0.05)
print(f"peak of the process tree: {peak_rss:.0f} MB resident, {peak_pss:.0f} MB proportional", file=sys.stderr)
if process.returncode:
    sys.exit(process.returncode)
if peak_pss > args.most_mb:
    sys.exit(f"the process tree had {peak_pss:.0f} MB, more than {args.most_mb:.0f} MB")
