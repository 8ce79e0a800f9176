# SPDX-License-Identifier: BSD-2-Clause
"""Mail through the gate: a real Postfix behind it, real clients in front, and the operator's rules."""
import time

import pytest

from clients import (SILENCE_REPEAT_S, attempt, attempt_all, close_all, established, fate, fates, is_hung_up, mail,
                     smtp_source, swaks)
from lab import STRANGER, until
from postfix import PORT_SINGLE

STRANGERS = {4: "203.0.113.7", 6: "2001:db8:9000::7"}
OTHER = {4: "203.0.113.8", 6: "2001:db8:9000:1::8"}
# "In milliseconds": far below the second after which a lost SYN is repeated.
AT_ONCE_MS = 100.0

families = pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])


@pytest.mark.parametrize("mode", ["monitor", "enforce"])
def test_mail_flows(lab, postfix, gate, mode):
    g = gate(mode=mode)
    start = postfix.mark()
    assert swaks(lab.out, STRANGERS[4]).returncode == 0
    postfix.wait_sent(start)
    for family in (4, 6):
        start = postfix.mark()
        assert mail(lab.out, STRANGERS[family]) is None
        postfix.wait_sent(start)
        done = smtp_source(lab.out, family, count=20, sessions=5)
        assert done.returncode == 0, done.stderr
        postfix.log.wait(rf"disconnect from \S+\[{STRANGER[family]}\]", start=start)
    # swaks, one mail per family, and five sessions per family that took four mails each or made new connections.
    assert g.count("clean") >= 1 + 2 * (1 + 5)
    assert g.count("flow") > g.count("clean")


@families
def test_a_block_is_silence_and_unblock_brings_mail_back(lab, postfix, gate, family):
    source = STRANGERS[family]
    g = gate()
    start = postfix.mark()
    assert mail(lab.out, source) is None
    g(f"block {source} because it spams")
    assert fate(lab.out, source, wait_s=SILENCE_REPEAT_S) == "silent"
    assert g.why(source)["verdict"] == "drop"
    assert g.why(source)["reason"] == "rule"
    assert g.why(source)["rule"]["because"] == "it spams"
    assert g.count("rule") >= 2, "the SYN and its repeat"
    assert mail(lab.out, OTHER[family]) is None, "others go on"
    g(f"unblock {source}")
    assert g.why(source)["verdict"] == "pass"
    assert mail(lab.out, source) is None
    postfix.wait_sent(start)


@families
def test_refuse_answers_in_milliseconds(lab, postfix, gate, family):
    source = STRANGERS[family]
    g = gate()
    assert [i["attach"] for i in g.row("show status")["interfaces"]] == ["native"]
    g(f"block {source} with refuse")
    outcome = attempt(lab.out, source)
    assert outcome.fate == "refused"
    assert outcome.ms < AT_ONCE_MS
    assert g.why(source)["verdict"] == "refuse"
    assert fate(lab.out, OTHER[family], greet=True) == "open"


def test_refuse_answers_in_generic_mode_too(lab, postfix, gate):
    g = gate(attach="generic")
    assert [i["attach"] for i in g.row("show status")["interfaces"]] == ["generic"]
    for source in STRANGERS.values():
        g(f"block {source} with refuse")
        outcome = attempt(lab.out, source)
        assert outcome.fate == "refused" and outcome.ms < AT_ONCE_MS


@pytest.mark.parametrize("controller", ["running", "dead"])
def test_a_block_for_a_time_ends_by_itself(lab, postfix, gate, controller):
    g = gate()
    # A host is a matter of pn_rule, a prefix of pn_block, and both end.
    prefixes = {"203.0.113.7": "203.0.113.7", "198.51.100.32/28": "198.51.100.40",
                "2001:db8:9000::/64": "2001:db8:9000::7"}
    for prefix in prefixes:
        g(f"block {prefix} for 3s")
    ordered = time.monotonic()
    if controller == "dead":
        g.kill()
    sources = list(prefixes.values())
    assert set(fates(lab.out, sources).values()) == {"silent"}
    ended = {}
    while len(ended) < len(sources):
        left = [s for s in sources if s not in ended]
        for source, how in fates(lab.out, left, wait_s=0.1).items():
            if how == "open":
                ended[source] = time.monotonic() - ordered
        assert time.monotonic() - ordered < 5, f"still blocked: {left}"
    # They were ordered one after the other before the clock started, which takes some tens of milliseconds.
    assert min(ended.values()) > 2.5, ended
    assert max(ended.values()) < 3.5, ended
    if controller == "running":
        until(lambda: not g.rules(), what="the ended rules leave the list")


def test_a_prefix_covers_exactly_its_prefix(lab, postfix, gate):
    g = gate()
    cases = {
        "203.0.113.64/26": (["203.0.113.64", "203.0.113.100", "203.0.113.127"], ["203.0.113.63", "203.0.113.128"]),
        "198.51.100.17": (["198.51.100.17"], ["198.51.100.16", "198.51.100.18"]),
        "2001:db8:9002::/47": (["2001:db8:9002::", "2001:db8:9003:ffff:ffff:ffff:ffff:ffff"],
                               ["2001:db8:9001:ffff:ffff:ffff:ffff:ffff", "2001:db8:9004::"]),
        "2001:db8:a000::/65": (["2001:db8:a000::1", "2001:db8:a000:0:7fff:ffff:ffff:ffff"],
                               ["2001:db8:a000:0:8000::"]),
    }
    inside, outside = [], []
    for prefix, (covered, free) in cases.items():
        g(f"block {prefix}")
        inside += covered
        outside += free
    seen = fates(lab.out, inside + outside)
    assert {s: seen[s] for s in inside} == {s: "silent" for s in inside}
    assert {s: seen[s] for s in outside} == {s: "open" for s in outside}
    assert g.why("203.0.113.100")["rule"]["prefix"] == "203.0.113.64/26"


@families
def test_allow_beats_every_block(lab, postfix, gate, family):
    source, wide = {4: ("203.0.113.7", "203.0.113.0/24"), 6: ("2001:db8:9000::7", "2001:db8:9000::/48")}[family]
    g = gate(mode="enforce", limits={"open": 1, "rate": "1/1d burst 1"})
    g(f"block {source} because of a grudge")
    g(f"block {wide} with refuse")
    assert fate(lab.out, source) == "silent"
    g(f"allow {source}")
    assert g.why(source)["verdict"] == "pass"
    assert g.why(source)["reason"] == "allowed"
    for _ in range(3):  # above the limits too
        assert mail(lab.out, source) is None
    assert fate(lab.out, OTHER[4] if family == 4 else "2001:db8:9000::8") == "refused"
    g(f"disallow {source}")
    assert fate(lab.out, source) == "silent"
    # A wide allowance beats a narrow block as well.
    g(f"allow {wide}")
    assert mail(lab.out, source) is None
    g(f"disallow {wide}")
    g(f"unblock {source}")
    assert fate(lab.out, source) == "refused"


def test_trust_does_not_beat_a_block(lab, postfix, gate):
    g = gate()
    g("trust 203.0.113.7")
    assert fate(lab.out, "203.0.113.7", greet=True) == "open"
    g("block 203.0.113.0/24")
    assert fate(lab.out, "203.0.113.7") == "silent"
    g("distrust 203.0.113.7")
    g("distrust 203.0.113.7", status=3)


@families
def test_an_open_session_of_a_freshly_blocked_address_dies(lab, postfix, gate, family):
    """The one smtpd of the port is held by a stranger, and serves the next as soon as he is blocked."""
    source = STRANGERS[family]
    port = {"port": PORT_SINGLE, "class": "mx"}
    g = gate(ports=[{"port": 25, "class": "mx"}, port])
    start = postfix.mark()
    holder = attempt(lab.out, source, port=PORT_SINGLE, greet=True)
    assert holder.fate == "open"
    waiting = attempt(lab.out, OTHER[family], port=PORT_SINGLE, greet=True, wait_s=0.5)
    assert waiting.fate == "mute", "the one process is busy"
    bystander = attempt(lab.out, OTHER[family], greet=True)
    done = g.row(f"block {source}")
    assert done["killed"] == 1
    assert is_hung_up(holder.sock, 2.0)
    postfix.log.wait(rf"disconnect from \S+\[{source}\]", 2.0, start)
    assert established(lab.mail, source, PORT_SINGLE) == 0
    served = attempt(lab.out, OTHER[family], port=PORT_SINGLE, greet=True)
    assert served.fate == "open", "the process is free for others"
    assert not is_hung_up(bystander.sock, 0.2), "nobody else's session dies"
    close_all([holder, bystander, served])


def test_a_blocked_prefix_ends_the_sessions_inside_and_no_other(lab, postfix, gate):
    g = gate()
    inside = attempt_all(lab.out, ["203.0.113.65", "203.0.113.126"], greet=True)
    outside = attempt_all(lab.out, ["203.0.113.63", "2001:db8:9000::7"], greet=True)
    assert g.row("block 203.0.113.64/26")["killed"] == 2
    assert all(is_hung_up(o.sock, 2.0) for o in inside)
    assert not any(is_hung_up(o.sock, 0.1) for o in outside)
    close_all(inside + outside)


def test_what_is_own_is_never_blocked(lab, postfix, gate):
    g = gate()
    for own in ("192.0.2.25", "2001:db8:25::25", "192.0.2.1", "2001:db8:25::1", "127.0.0.1", "192.0.2.0/24",
                "0.0.0.0/0", "::/16"):
        done = g(f"block {own}", status=1)
        assert done.stderr.strip(), own
    assert not g.rules()
    assert fate(lab.out, "192.0.2.1", greet=True) == "open"


def test_a_network_of_strangers_on_the_link_is_judged(lab, postfix, gate):
    """The link's network is a public one, so neighbours on it are strangers like all others."""
    lab.out.ip("addr replace 192.0.2.77/32 dev out0")
    g = gate()
    assert fate(lab.out, "192.0.2.77") == "open"
    g("block 192.0.2.77")
    assert fate(lab.out, "192.0.2.77") == "silent"


def test_rules_given_before_the_gate_come_into_force_with_it(lab, postfix, gate):
    g = gate(start=False)
    for source in ("203.0.113.7", "2001:db8:9000::7"):
        g(f"block {source}")
    assert fate(lab.out, "203.0.113.7") == "open"
    g.start()
    assert set(fates(lab.out, ["203.0.113.7", "2001:db8:9000::7"]).values()) == {"silent"}


def test_many_rules_from_standard_input(lab, postfix, gate):
    g = gate()
    g("block -", stdin="# a list\n203.0.113.7\n2001:db8:9000::/48\n\n198.51.100.0/28 # with a comment\n")
    sources = ["203.0.113.7", "2001:db8:9000::7", "198.51.100.15", "203.0.113.8", "198.51.100.16"]
    assert list(fates(lab.out, sources).values()) == ["silent"] * 3 + ["open"] * 2
    g("unblock -", stdin="203.0.113.7\n2001:db8:9000::/48\n198.51.100.0/28\n")
    assert set(fates(lab.out, sources).values()) == {"open"}


def test_other_ports_are_left_alone(lab, postfix, gate):
    """PORT_SINGLE is not policed here: a blocked source reaches it, as it reaches SSH."""
    source = STRANGERS[4]
    g = gate()
    g(f"block {source}")
    assert fate(lab.out, source) == "silent"
    assert fate(lab.out, source, port=PORT_SINGLE, greet=True) == "open"


def test_a_configured_resolver_is_never_judged(lab, gate):
    """Whoever asks the DNS through the gate must not be able to cut himself off from it."""
    g = gate(mode="enforce", resolver=["203.0.113.53:5353", "[2001:db8:9000::53]:53"])
    for prefix in ("203.0.113.53", "203.0.113.0/24", "2001:db8:9000::/48"):
        assert "resolver" in g.cli("block", prefix, status=1).stderr
    for resolver in ("203.0.113.53", "2001:db8:9000::53"):
        assert g.why(resolver)["reason"] == "allowed"
    assert g.why("203.0.113.54")["reason"] == "clean"
