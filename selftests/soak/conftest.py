# SPDX-License-Identifier: BSD-2-Clause
"""The hosts and fixtures of selftests/net, with more time."""
import importlib.util
import os
import sys


NET = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "net")
TEST_MAX_S = 1800

# Behind our own folder, which has files of the same names.
sys.path.append(NET)
_spec = importlib.util.spec_from_file_location("net_conftest", os.path.join(NET, "conftest.py"))
_net = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_net)
_net.TEST_MAX_S = TEST_MAX_S
globals().update({name: value for name, value in vars(_net).items() if not name.startswith("__")})
