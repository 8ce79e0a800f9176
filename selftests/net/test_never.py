# SPDX-License-Identifier: BSD-2-Clause
"""
What an operator cannot do by mistake: block his own host, his gateway and resolver, what he said is never to be blocked, the address
he sits at, or everybody.
"""
import os
import struct

from clients import fate

RESOLVER, GATEWAY = "198.51.100.53", "192.0.2.1"
# Whom mynetworks would name.
OURS, OURS_ONE = "198.51.100.0/27", "198.51.100.7"
DESK, DESK6, COLLEAGUE = "203.0.113.70", "2001:db8:9000::70", "203.0.113.71"
STRANGER = "203.0.113.9"
USER_PROCESS = 7


def test_nobody_is_shut_out_by_mistake(lab, gate):
    g = gate(never_block=[OURS], resolver=[RESOLVER])
    for prefix, why in {
        "0.0.0.0/0": "too wide for a block",
        "::/0": "`postern monitor`",
        "202.0.0.0/7": "`only` of the port",
        "192.0.2.25": "an address of this host",
        "192.0.2.0/24": "covers 192.0.2.",
        GATEWAY: "a gateway and never blocked",
        "2001:db8:25::1": "a gateway",
        RESOLVER: "a resolver",
        "198.51.100.48/28": f"covers {RESOLVER}, a resolver",
        "127.0.0.1": "an address of this host",
        OURS: "in never_block of the configuration and never blocked",
        OURS_ONE: f"lies in {OURS}, in never_block",
        "198.51.0.0/16": "never blocked",
    }.items():
        for word in ("", " anyway"):
            done = g(f"block {prefix}{word}", status=1)
            assert why in done.stderr, (prefix, done.stderr)
    assert not g.rules()
    # One such line among many, and nothing is changed.
    done = g("block -", stdin=f"{STRANGER}\n{OURS_ONE}\n203.0.113.10\n", status=1)
    assert "line 2" in done.stderr and "never_block" in done.stderr and "nothing was changed" in done.stderr
    assert not g.rules() and fate(lab.out, STRANGER) != "silent"


def test_what_is_never_blocked_follows_the_configuration(lab, gate):
    g = gate(never_block=[OURS], mode="enforce", limits={"open": 1, "rate": "1/1h burst 1"})
    why = g.why(OURS_ONE)
    assert why["reason"] == "allowed" and why["rule"]["origin"] == "config" and why["rule"]["prefix"] == OURS
    assert "change   never_block of the configuration" in g(f"why {OURS_ONE}").stdout
    assert {"prefix": OURS, "action": "allow", "origin": "config"}.items() <= \
        next(r for r in g.rows("show rules") if r["prefix"] == OURS).items()
    assert g.why(STRANGER)["reason"] != "allowed"
    # The operator's own word on the same prefix is kept.
    g(f"trust {OURS}")
    assert g.why(OURS_ONE)["trust"] == OURS
    g.configure(never_block=[OURS, "203.0.113.0/28"])
    g("reload")
    assert g.why(OURS_ONE)["trust"] == OURS
    assert g.why(STRANGER)["rule"]["origin"] == "config"
    g(f"distrust {OURS}")
    assert g.why(OURS_ONE)["rule"]["origin"] == "config", "it is never judged again"
    g.configure(never_block=[])
    g("reload")
    g.log.wait(r"203\.0\.113\.0/28 \(config\) is judged from now on", 5)
    assert not [r for r in g.rows("show rules") if r["origin"] == "config"]
    g(f"block {OURS_ONE}")
    assert g.why(OURS_ONE)["verdict"] == "drop"


def utmp_record(pid, address):
    """As utmp(5) has it: a login from an IPv4 address."""
    return struct.pack("=hxxi32s4s32s256shhiii16s20x", USER_PROCESS, pid, b"pts/9", b"ts/9", b"root", b"desk.example", 0, 0, 0,
                       0, 0, bytes(map(int, address.split("."))))


def test_the_operators_own_address_takes_a_word_more(run, lab, gate):
    g = gate()
    # What sshd gives to the session; and sudo hides it from the command, but not from the shell above.
    session = {**os.environ, "SSH_CONNECTION": f"{DESK} 50022 192.0.2.25 22"}
    for before in ((), ("env", "-u", "SSH_CONNECTION")):
        shell = ("sh", "-c", '"$@"; exit $?', "sh", *before)
        done = g(f"block {DESK}", before=shell, environment=session, status=1)
        assert "somebody is logged in" in done.stderr and "SSH is never touched" in done.stderr and "anyway" in done.stderr
    done = g("block 203.0.113.64/28", environment=session, status=1)
    assert f"from {DESK}, which lies in 203.0.113.64/28" in done.stderr
    g("block 203.0.113.80/28", environment=session)
    session6 = {**os.environ, "SSH_CONNECTION": f"{DESK6} 50022 2001:db8:25::25 22"}
    assert "logged in" in g(f"block {DESK6}", environment=session6, status=1).stderr
    # Another's login is in utmp alone: here in a /run of the test's own, which lies over the real one.
    folder = os.path.join(run.folder, run.next_name("utmp"))
    os.mkdir(folder)
    with open(os.path.join(run.folder, "utmp"), "wb") as file:
        file.write(utmp_record(os.getpid(), COLLEAGUE))
    own_run = f"""mount -t tmpfs utmp {folder} && mkdir {folder}/upper {folder}/work &&
        mount -t overlay -o lowerdir=/run,upperdir={folder}/upper,workdir={folder}/work utmp /run &&
        cp {file.name} /run/utmp && exec "$@" """
    own_utmp = ("unshare", "--mount", "sh", "-c", own_run, "sh")
    assert f"from {COLLEAGUE}, which is {COLLEAGUE}" in g(f"block {COLLEAGUE}", before=own_utmp, status=1).stderr
    g(f"block {COLLEAGUE}")
    # Whoever means it says so.
    g(f"block {DESK} anyway because a test", environment=session)
    assert fate(lab.out, DESK) == "silent"
    done = g("block - anyway", stdin=f"{DESK}\n{DESK6}\n", environment=session)
    assert set(g.rules()) == {"203.0.113.80/28", COLLEAGUE, DESK, DESK6}


def test_an_allow_that_takes_the_place_of_a_trust_says_so(gate):
    g = gate(start=False)
    g(f"trust {OURS_ONE} because a partner")
    assert f"{OURS_ONE} was trusted because a partner until now: allow takes the place of that" in g(f"allow {OURS_ONE}").stderr
    assert "was" not in g(f"allow {OURS_ONE} for 1h").stderr
    assert f"{OURS_ONE} was allowed until now: trust takes the place of that" in g(f"trust {OURS_ONE}").stderr
    assert [r["action"] for r in g.rows("show rules") if r["prefix"] == OURS_ONE] == ["trust"]
    assert "was" not in g(f"block {OURS_ONE}").stderr
    # A text that is told to nobody.
    assert "nobody is told that text" in g(f"block {OURS_ONE} saying go away").stderr
