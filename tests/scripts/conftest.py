# SPDX-License-Identifier: Apache-2.0
"""Tests of the scripts a person runs and of the documents: no wire, no server, no root."""

import os
import pathlib
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tools"))
BUILD = pathlib.Path(os.environ.get("WIREMAP_BUILD", TOP / "build")).resolve()


@pytest.fixture(scope="session")
def top():
    return TOP


@pytest.fixture(scope="session")
def build():
    for name in ("wiremapd", "wiremapctl"):
        if not (BUILD / "tools" / name / name).exists():
            pytest.skip(f"{name} is not built in {BUILD}")
    return BUILD
