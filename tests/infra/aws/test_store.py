"""The contracts of the stores, with moto's DynamoDB."""

import os
import re
import subprocess
from pathlib import Path


def test_each_store_keeps_its_contract_on_this_engine(deployed):
    # As part of the workspace, because `-p infra` would compile the dependencies again, with the features of one crate.
    command = ["cargo", "test", "--locked", "--quiet", "--workspace", "--features", "infra/moto", "--test", "store_on_moto"]
    ran = subprocess.run(
        command,
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, "MOTO_URL": deployed.cloud.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
    passed = re.search(r"(\d+) passed; 0 failed", ran.stdout)
    assert passed and int(passed[1]) > 10, ran.stdout
