# SPDX-License-Identifier: BSD-2-Clause
"""
The live screen in a real terminal, with real traffic: what it shows can be read at each size, what its keys do is done, and the
terminal is left as it was.
"""
import os
import re
import signal

import pytest

from clients import attempt, close_all, fate, knock
from gate import descendants
from lab import until
from lists import BAD, GOOD, judging, meet
from screen import Screen

SOURCE, QUIET, CUSTOMER = "203.0.113.7", "203.0.113.200", "2001:db8:8000::/64"
LIMITS = {"rate": "20/1m burst 20", "open": 50}
# What the first line may consist of: whole pieces, two blanks between them.
PIECES = r"postern \S+|MONITOR|ENFORCE(, [0-9a-z ]+ left)?|\S+ \((native|generic)\)|PAUSED|\d\d:\d\d:\d\dZ"


@pytest.fixture
def terminal(run, lab):
    """terminal(gate, cols, rows): a screen on which top runs, once it shows the gate."""
    made = []

    def make(g, cols=80, rows=24, wait=r"^ postern ", **options):
        one = Screen(run, lab.mail, cols, rows, **options)
        made.append(one)
        one.settings_path = os.path.join(run.folder, "stty")
        one.before = stty(one, one.settings_path)
        one.type(" ".join(g.words("top")))
        if wait:
            one.wait(wait)
        return one

    yield make
    for one in made:
        one.close()


def stty(screen, path):
    """What the terminal's settings are."""
    screen.type(f"clear; stty -g >{path}.new && mv {path}.new {path}")
    until(lambda: os.path.exists(path), 10, "stty(1)")
    with open(path, encoding="ascii") as file:
        settings = file.read()
    os.unlink(path)
    assert settings.count(":") > 10, settings
    return settings


def assert_left_as_found(screen):
    screen.wait(r"\$ ?$")
    assert screen.ask("alternate_on") == "0" and screen.ask("cursor_flag") == "1"
    assert stty(screen, screen.settings_path) == screen.before


def assert_readable(screen, cols, rows):
    lines = screen.lines()
    assert len(lines) == rows and all(len(line) <= cols for line in lines)
    # No piece of the header is cut: what stands there is one of those that are known.
    for piece in re.split(r"\s{2,}|, (?=\S+ \()", lines[0].strip()):
        assert re.fullmatch(PIECES, piece), f"{piece!r} in {lines[0]!r}"
    assert "q quit" in lines[-1]
    # Columns: numbers end where their heads end.
    head = next(line for line in lines if "NOW/S" in line)
    at = [head.index(word) + len(word) for word in ("NOW/S", "1MIN/S", "TOTAL", "WOULD")]
    rates = [line for line in lines if re.match(r" (flow|block|rate|known|held|listed|clean)\s", line)]
    assert rates
    for line in rates:
        for end in at:
            assert re.search(r"[\dkM]$", line[:end]) and line[end:end + 1] in ("", " "), f"{line!r} at {end}"
    head = next(line for line in lines if " TIMES " in line)
    start, again = head.index("SOURCE"), head.index("REASON", head.index("SOURCE"))
    for line in [line for line in lines if SOURCE in line or CUSTOMER in line]:
        assert line[start] != " " and line[again - 1] == " " and line[again] != " ", line


def traffic(lab):
    """Somebody is refused, somebody is too fast, somebody stays connected."""
    assert fate(lab.out, SOURCE) == "refused"
    knock(lab.out, "2001:db8:8000::77", count=30, rate=500, greet=True, then="rst", wait_ms=200)
    return [attempt(lab.out, GOOD, greet=True, wait_s=3) for _ in range(3)]


def test_it_can_be_read_at_each_size_and_its_keys_act(lab, gate, lists, sink, terminal):
    g = judging(gate, ["bl.example*3"], limits=LIMITS)
    meet(g, lab.out, BAD, GOOD)
    g("block 203.0.113.0/24 with refuse because noise")
    top = terminal(g)
    top.wait("controller up")
    held = traffic(lab)
    top.wait(rf"^ {re.escape(SOURCE)} +\d+ +\d+s refused +block")
    top.wait(rf"^ {re.escape(CUSTOMER)} +\d+ +\d+s dropped +rate +.*20/20")
    top.wait(rf"^ {re.escape(GOOD)} .* 3 +3/20")
    assert_readable(top, 80, 24)
    top.wait(r"^ block .*[▁-█]")
    assert re.search(r"\x1b\[[0-9;]*3[1-3]m", top.colours())
    # Rows go by time: somebody who was chosen stays chosen when another overtakes him.
    top.keys("/")
    top.keys("-l", GOOD)
    top.keys("Enter")
    top.wait(rf'only "{re.escape(GOOD)}"')
    top.wait(r"\| 1 shown")
    # The story of an address, as the command tells it.
    top.keys("e")
    top.wait(rf"^ {re.escape(GOOD)}: its next SYN to port 25 passes$")
    top.wait(r"any key closes")
    top.keys("x")
    # Not confirmed, nothing is done.
    top.keys("b")
    top.wait(rf"block {re.escape(GOOD)} for .*: 1h_")
    top.keys("Enter")
    top.wait(r"because .*: _")
    top.keys("-l", "it is late")
    top.keys("Enter")
    top.wait(rf"block {re.escape(GOOD)} for 1h\? y/n")
    top.keys("n")
    top.wait("nothing was changed")
    assert GOOD not in g.rules()
    for key in ("b", "Enter", "Enter", "y"):
        top.keys(key)
    top.wait(rf"{re.escape(GOOD)} is blocked \(drop\) for 1h: 3 open connections destroyed")
    assert g.rules()[GOOD]["action"] == "drop" and g.rules()[GOOD]["expires"]
    top.wait(rf"^ {re.escape(GOOD)} .* drop *$")
    top.keys("u")
    top.wait(rf"unblock {re.escape(GOOD)}\? y/n")
    top.keys("y")
    top.wait("is no longer blocked")
    assert GOOD not in g.rules()
    # What was typed is held to its form, and a time of nothing is no time.
    for key in ("t", "-l", "Enter"):
        top.keys(*(("-l", "soon") if key == "-l" else (key,)))
    top.wait("soon")
    assert GOOD not in g.rules()
    for key in ("/", "C-u", "Enter", "Tab"):
        top.keys(key)
    top.wait(r"^ bl.example +good +\d+ +1 ")
    top.keys("b")
    top.wait("choose a source first")
    # Larger: everything at once.
    top.resize(200, 50)
    top.wait("LAST MINUTE.*DECIDED")
    assert_readable(top, 200, 50)
    text = top.text()
    assert all(word in text for word in ("reasons", "sources", "zones", "open", "bl.example"))
    top.resize(101, 40)
    top.wait(r"^.{0,101}$")
    until(lambda: max(map(len, top.lines())) <= 101 and "q quit" in top.lines()[-1], 5, "40 rows")
    assert_readable(top, 101, 40)
    top.resize(60, 20)
    top.wait("too small: 80 columns and 24 rows")
    top.resize(80, 24)
    top.wait("q quit")
    # What nobody controls is said, and the maps are shown all the same.
    g.kill()
    top.wait("no controller: no events, no lists; strangers get in unasked")
    top.wait(r"^ block +\d")
    top.keys("q")
    assert_left_as_found(top)
    close_all(held)


def test_own_addresses_are_refused_as_by_the_command(lab, gate, sink, terminal):
    g = gate(mode="enforce", limits=LIMITS)
    # The gateway is never blocked, and connects like anybody else.
    held = [attempt(lab.out, "192.0.2.1", greet=True)]
    assert held[0].fate == "open"
    top = terminal(g)
    top.wait(r"^ 192\.0\.2\.1 ")
    for key in ("b", "Enter", "Enter", "y"):
        top.keys(key)
    top.wait("never blocked")
    assert "192.0.2.1" not in g.rules()
    top.keys("q")
    assert_left_as_found(top)
    close_all(held)


def test_signals_leave_the_terminal_as_it_was(gate, terminal):
    g = gate(start=None)
    top = terminal(g)
    shell = int(top.ask("pane_pid"))
    for how in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        top.wait("q quit")
        pid = until(lambda: next((p for p, name in descendants(shell).items() if name == "postern"), None), 5, "top")
        os.kill(pid, how)
        assert_left_as_found(top)
        top.type("clear; " + " ".join(g.words("top")))
    top.wait("q quit")
    top.keys("q")


def test_a_plain_terminal_gets_no_colour_and_no_block_elements(lab, gate, sink, terminal):
    g = gate(mode="enforce", limits=LIMITS)
    g("block 203.0.113.0/24 with refuse")
    top = terminal(g, environment={"LC_ALL": "C", "NO_COLOR": "1"})
    assert fate(lab.out, SOURCE) == "refused"
    top.wait(rf"^ {re.escape(SOURCE)} .*refused +block")
    top.wait(r"^ block .*\.")
    assert top.text().isascii() and not re.search(r"\x1b\[[0-9;]*3[0-7]m", top.colours())
    top.keys("q")
    assert_left_as_found(top)


def test_where_there_is_no_screen_it_says_what_to_use_instead(gate, terminal):
    g = gate(start=None)
    done = g("top", status=2)
    assert "needs a terminal" in done.stderr and "postern watch" in done.stderr
    assert "no JSON" in g.cli("--json", "top", status=2).stderr
    top = terminal(g, wait="the gate is not loaded")
    top.keys("q")
    assert_left_as_found(top)
    top.type("TERM=dumb " + " ".join(g.words("top")) + "; echo status $?")
    top.wait("cannot place text")
    top.wait("status 2")
