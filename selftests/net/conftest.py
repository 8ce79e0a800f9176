# SPDX-License-Identifier: BSD-2-Clause
"""
Fixtures of the tests with real hosts. Namespaces and servers live as long as a module, an instance of postern as long
as a test.
"""
import faulthandler
import os
import shutil
import signal

import pytest

import clients
import dnsserver
import gate as gates
import lab as labs
from certs import Authority
from lists import SCRIPTED_PORT, Lists
from postfix import Postfix
from town import Town

# No test takes a quarter of this on an idle machine; one that hangs must not take the others along.
TEST_MAX_S = 180
# Of each gate of a test that failed: its last lines.
LOG_SHOWN = 30


def pytest_sessionstart():
    if os.geteuid() != 0:
        pytest.exit("these tests make network namespaces: run them as root", returncode=4)
    for need in (gates.BINARY, *(os.path.join(labs.TOOLS, n) for n in ("knock", "wire", "forge", "pass.bpf.o"))):
        if not os.path.exists(need):
            pytest.exit(f"{need} is missing: run `make tests` first", returncode=4)


@pytest.fixture(autouse=True)
def bounded():
    def late(*_):
        faulthandler.dump_traceback()
        raise AssertionError(f"the test took longer than {TEST_MAX_S} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(TEST_MAX_S)
    yield
    signal.alarm(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """What fails once in many runs has to tell why: here stands what the gates said."""
    report = (yield).get_result()
    if report.failed and report.when == "call":
        for one in getattr(item.funcargs.get("gate"), "made", ()):
            report.sections.append((f"the log of {one.instance}", "\n".join(one.log.lines[-LOG_SHOWN:] if one.log else ())))


@pytest.fixture(scope="session")
def run():
    one = labs.Run()
    yield one
    one.close()


@pytest.fixture(scope="session")
def authority(run):
    return Authority(run.folder)


@pytest.fixture(scope="module")
def lab(run):
    one = labs.Lab(run)
    yield one
    one.close()


@pytest.fixture(scope="module")
def town(run):
    one = Town(run)
    yield one
    one.close()


@pytest.fixture
def folder(run):
    """A directory that nobody else may write to."""
    path = os.path.join(run.folder, run.next_name("folder"))
    os.mkdir(path, 0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def postfix(run, lab):
    one = Postfix(run, lab.mail)
    yield one
    one.close()


@pytest.fixture(scope="module")
def lists(run, lab):
    one = Lists(run, lab.mail)
    yield one
    one.close()


@pytest.fixture
def scripted(lab):
    """scripted(answer): a server of the DNS in the mail host that answers as told."""
    made = []

    def make(answer):
        made.append(dnsserver.Responder(lab.mail, answer, SCRIPTED_PORT))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def sink(lab):
    one = clients.Sink(lab.mail)
    yield one
    one.close()


@pytest.fixture
def gate(run, lab):
    """gate(mode="enforce", limits={...}): an instance that runs and guards. start=False: not started yet."""
    made = []

    def make(start=gates.GUARDING, host=None, **config):
        one = gates.Gate(run, host or lab.mail, **config)
        made.append(one)
        return one.start(start) if start else one

    make.made = made
    yield make
    for one in made:
        one.remove()
