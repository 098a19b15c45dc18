"""Stages of the journeys that the scores are of, run as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_stages(pipeline: str, environment: str, params: str, tags: str) -> str:
    """Run some stages of a pipeline by `kedro run`; return what they say.

    If they fail, the script ends with the last of what they have said.
    """
    command = [sys.executable, "-m", "kedro", "run", f"--env={environment}"]
    command += [f"--pipeline={pipeline}", f"--tags={tags}", f"--params={params}"]
    found = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)
    if found.returncode != 0:
        sys.exit(found.stdout[-3000:] + found.stderr[-3000:])
    return found.stdout
