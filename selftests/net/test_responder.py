# SPDX-License-Identifier: BSD-2-Clause
"""
The responder and the other children against everything the outside can send, and their deaths: what the refused see, that its
memory is bounded, and that honest mail to a real Postfix never notices.
"""
import os
import random
import re
import resource
import smtplib
import socket
import ssl
import time

import pytest

from clients import (DIALOGUE, RECIPIENT, SENDER, Sink, Talk, attempt, attempt_all, close_all, fate, forge_start, is_hung_up,
                     mail, recipient)
from gate import descendants, memory_most_kib
from lab import MAIL, command, until
from lists import BAD, BAD2, BAD3, CONTACT, GOOD, GOOD2, GOOD3, journal, judging, meet, sources
from postfix import Sender
from test_contact import refusal_of

AT_ONCE_S = 1.0
PATIENCE_S = 2.5
HONEST = "198.51.100.77"
# A veth holds 256 packets and drops what comes behind: ACKs too, whose senders would wait for a greeting in vain.
CABLE = 125
CROWD = 1000
# A /36 whose every /64 is a source of its own.
CROWD_NET = "2001:db8:9000::/36"
# Of the responder with a thousand clients: some 20 KiB each and the program itself.
MEMORY_MOST_KIB = 64 * 1024
DEAD_AFTER_S = 10  # the kernel takes a controller for dead that is silent for longer
# One death is made good at once, later ones after 1, 2 ... s: three in a row leave two seconds to look.
DEATHS = 3
RETURN_S = 8


def crowd(count, first=0):
    return [f"2001:db8:9{i // 256:03x}:{i % 256:x}::1" for i in range(first, first + count)]


@pytest.fixture(scope="module", autouse=True)
def room_for_the_crowd():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * CROWD), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def guarding(lab, postfix, lists, gate):
    """A gate that refuses the crowd with a reply, and knows the honest."""
    def make(responder=None, **config):
        g = judging(gate, responder={"contact": CONTACT, "name": "mx.example.net", **(responder or {})}, **config)
        g(f"block {CROWD_NET} with reply saying Enough of this")
        meet(g, lab.out, HONEST)
        until(lambda: g.child("responder"), 5, "a responder")
        return g
    return make


def assert_honest_at_once(lab):
    begin = time.monotonic()
    assert mail(lab.out, HONEST) is None
    assert time.monotonic() - begin < AT_ONCE_S


def lines_read(sock, timeout_s=5):
    """Whatever one whole reply is; b"" at the end."""
    sock.settimeout(timeout_s)
    said = b""
    while not re.search(rb"(?:^|\n)\d{3} [^\n]*\n$", said):
        more = sock.recv(4096)
        if not more:
            return b""
        said += more
    return said


# ---- processes ----

def test_the_children_are_the_controllers_own(guarding):
    g = guarding()
    names = list(descendants(g.controller.pid).values())
    assert names.count("postern-resolver"[:15]) == 1 and names.count("postern-responder"[:15]) == 1, names
    before = set(descendants(g.controller.pid))
    assert g.stop() == 0
    until(lambda: not [p for p in before if os.path.exists(f"/proc/{p}")], 5, "no child stays behind")


# ---- what it says ----

def test_what_was_said_is_logged_as_postscreen_does(lab, guarding):
    g = guarding()
    meet(g, lab.out, BAD)
    recipient(lab.out, BAD)
    line = g.log.wait(r"NOQUEUE: reject: .*").group()
    assert re.fullmatch(rf"NOQUEUE: reject: RCPT from \[{re.escape(BAD)}\]:\d+: {re.escape(refusal_of(BAD))}; "
                        rf"from=<{SENDER}>, to=<{RECIPIENT}>, proto=ESMTP, helo=<client\.example\.org>", line), line
    start = len(g.log.lines)
    meet(g, lab.out, BAD2)
    recipient(lab.out, BAD2, lines=("HELO old.example.org", "MAIL FROM:<>", f"RCPT TO:<{RECIPIENT}>"))
    assert g.log.wait(rf"NOQUEUE: reject: RCPT from \[{re.escape(BAD2)}\].*; from=<>, to=<{RECIPIENT}>, proto=SMTP, "
                      r"helo=<old\.example\.org>$", 5, start)


def test_foreign_text_in_the_log_is_escaped_and_cannot_pose_as_another_field(lab, guarding):
    g = guarding()
    lines = (b"EHLO a\x1b[31m\x07\xe4>, to=<forged\r\n", b"MAIL FROM:<\x1b]0;x\x07@example.org>\r\n",
             b"RCPT TO:<\"a b\\\"c\"@example.net>\r\n", f"RCPT TO:<{RECIPIENT}>")
    recipient(lab.out, BAD, lines=lines)
    # Some of it may be refused for its form; what is logged of it is printable.
    recipient(lab.out, BAD, lines=(b"EHLO \x1b[31mred\x07\xe4\r\n", *DIALOGUE[1:]))
    line = g.log.wait(r"NOQUEUE: reject: .*").group()
    seen = [x for x in g.log.lines if "NOQUEUE" in x]
    assert all(x.isascii() and x.isprintable() for x in seen), seen
    assert all(x.count(", to=<") == 1 and x.count(", helo=<") == 1 for x in seen), seen
    assert line


def test_it_refuses_at_the_greeting_where_it_is_told_to(lab, guarding):
    g = guarding({"speak_at": "greeting"})
    told = recipient(lab.out, BAD)
    assert told.startswith("554 5.7.1 Service unavailable; client [203.0.113.7] blocked using bl.example;"), told
    assert told.endswith(CONTACT)
    g.log.wait(rf"NOQUEUE: reject: CONNECT from \[{re.escape(BAD)}\]:\d+: 554 5\.7\.1 ")
    meet(g, lab.out, GOOD)
    assert recipient(lab.out, GOOD)[:3] == "250"


def test_it_knows_its_commands_and_takes_no_mail(lab, guarding):
    guarding()
    with Talk(lab.out, crowd(1)[0]) as talk:
        assert talk.hear().startswith("220 mx.example.net")
        for line, code in (("NOOP", "250"), ("RCPT TO:<a@example.net>", "503"), ("HELO client.example.org", "250"),
                           ("RSET", "250"), ("VRFY somebody", "252"), ("DATA", "5"), ("BDAT 5 LAST", "5"),
                           ("AUTH PLAIN AAAA", "5"), ("nonsense", "5"),
                           ("MAIL FROM:<a@example.org> SIZE=1000", "250"), ("RCPT TO:<a@example.net>", "550"),
                           ("rcpt to:<b@example.net>", "550"), ("DATA", "5"), ("QUIT", "221")):
            assert talk.say(line).startswith(code), (line, talk.heard[-1])
        assert talk.hear() == ""


def test_who_is_over_a_limit_is_told_to_come_again(lab, guarding):
    g = guarding(limits={"rate": "2/1d burst 2"}, actions={"rate": "reply"})
    for _ in range(2):
        assert recipient(lab.out, GOOD)[:3] == "250"
    told = recipient(lab.out, GOOD)
    assert told.startswith(f"450 4.7.1 Service unavailable; client [{GOOD}]") and told.endswith(CONTACT), told
    assert "blocked" not in told
    g.log.wait(rf"NOQUEUE: reject: RCPT from \[{re.escape(GOOD)}\]:\d+: 450 4\.7\.1 ")


def test_where_tls_is_spoken_first_nobody_is_told_anything(lab, guarding):
    """Port 465 needs a handshake before any word: a reply becomes a refusal there. At 587 there are words."""
    guarding(ports=[{"port": 25}, {"port": 465}, {"port": 587}])
    sinks = [Sink(lab.mail, port) for port in (465, 587)]
    try:
        assert [fate(lab.out, HONEST, port=port, greet=True) for port in (465, 587)] == ["open", "open"]
        source = crowd(1)[0]
        assert fate(lab.out, source, port=465) == "refused"
        assert "Enough of this" in recipient(lab.out, source, port=587)
        assert "Enough of this" in recipient(lab.out, source)
        assert not sinks[1].accepted[source]
    finally:
        for sink in sinks:
            sink.close()


@pytest.fixture
def sender(run, lab):
    one = Sender(run, lab.out, BAD)
    yield one
    one.close()


def test_a_real_sender_gives_up_and_says_why_or_tries_again(lab, guarding, sender):
    """Mail that needs SMTPUTF8 is given up wherever that is not offered: by one who is only too fast, mail would be lost."""
    g = guarding(actions={"rate": "reply"}, limits={"rate": "1/1d burst 1"})
    utf8 = ["SMTPUTF8", "BODY=8BITMIME"]
    meet(g, lab.out, BAD)
    g(f"trust {BAD}")
    assert sender.send(SENDER, "first@example.net").startswith("status=sent")
    for to, options in (("second@example.net", ()), ("dritt\u00e9@example.net", utf8)):
        told = sender.send(SENDER, to, options)
        assert told.startswith("status=deferred") and f"said: 450 4.7.1 Service unavailable; client [{BAD}]" in told, told
    g(f"distrust {BAD}")
    assert sender.send(SENDER, RECIPIENT) == (
        f"status=bounced (host {MAIL[4]}[{MAIL[4]}] said: {refusal_of(BAD)} (in reply to RCPT TO command))")
    assert refusal_of(BAD) in sender.send("r\u00e4t@example.org", "l\u00f6ss@example.net", utf8)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key, chain = str(folder / "key.pem"), str(folder / "chain.pem")
    command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
            "-out", chain, "-subj", "/CN=mx.example.net", "-addext", "subjectAltName=DNS:mx.example.net", "-days", "2")
    return {"certificate": chain, "key": key}


def test_starttls_with_a_certificate(lab, guarding, certificate):
    g = guarding(certificate)
    trusting = ssl.create_default_context(cafile=certificate["certificate"])
    with lab.out.inside():
        session = smtplib.SMTP(MAIL[4], 25, "client.example.org", 5, (BAD, 0))
    with session:
        session.ehlo()
        assert session.has_extn("starttls")
        # The name that the certificate is for; the session went to an address.
        session._host = "mx.example.net"
        assert session.starttls(context=trusting)[0] == 220
        session.ehlo()
        assert not session.has_extn("starttls")
        assert session.mail(SENDER)[0] == 250
        code, text = session.rcpt(RECIPIENT)
        assert f"{code} {text.decode()}" == refusal_of(BAD)
        assert session.sock.version() in ("TLSv1.2", "TLSv1.3")
    g.log.wait(rf"NOQUEUE: reject: RCPT from \[{re.escape(BAD)}\]")


def test_nothing_said_before_the_handshake_counts_behind_it(lab, guarding, certificate):
    """What is sent in one packet with STARTTLS was not protected: it must not be obeyed as if it had been."""
    guarding(certificate)
    with Talk(lab.out, crowd(1)[0]) as talk:
        talk.hear()
        talk.say("EHLO client.example.org")
        talk.sock.sendall(b"STARTTLS\r\nEHLO injected.example.org\r\n")
        context = ssl.create_default_context(cafile=certificate["certificate"])
        if talk.hear().startswith("220"):
            try:
                with context.wrap_socket(talk.sock, server_hostname="mx.example.net") as inner:
                    inner.settimeout(0.5)
                    with pytest.raises(TimeoutError):
                        inner.recv(1)
            except (ssl.SSLError, ConnectionError):
                pass  # the injected bytes are no handshake: refused as well


def test_without_a_certificate_starttls_is_not_offered(lab, guarding):
    guarding()
    with Talk(lab.out, crowd(1)[0]) as talk:
        talk.hear()
        assert "STARTTLS" not in talk.say("EHLO client.example.org").upper()
        assert talk.say("STARTTLS")[:1] == "5"
        assert talk.say("NOOP")[:3] == "250"


def test_garbage_in_place_of_a_handshake(lab, guarding, certificate):
    g = guarding(certificate)
    pid = g.child("responder")
    with Talk(lab.out, crowd(1)[0]) as talk:
        talk.hear()
        talk.say("EHLO client.example.org")
        assert talk.say("STARTTLS")[:3] == "220"
        talk.sock.sendall(random.Random(25).randbytes(4096))
        assert is_hung_up(talk.sock, 3)
    assert recipient(lab.out, crowd(1, 1)[0])[:3] == "550"
    assert g.child("responder") == pid


# ---- crowds, and those who misbehave ----

def test_a_thousand_refused_at_once_are_all_answered_and_nobody_else_notices(lab, guarding):
    g = guarding({"connections": CROWD})
    pid = g.child("responder")
    outcomes = []
    try:
        for at in range(0, CROWD, CABLE):
            outcomes += attempt_all(lab.out, crowd(CABLE, at), wait_s=10, greet=True)
        assert {o.fate for o in outcomes} == {"open"}
        assert_honest_at_once(lab)
        for o in outcomes:
            assert lines_read(o.sock).startswith(b"220 ")
        for line, code in zip(DIALOGUE, (b"250", b"250", b"550")):
            for o in outcomes:
                o.sock.sendall(line.encode() + b"\r\n")
            for o in outcomes:
                assert lines_read(o.sock)[:3] == code
        assert_honest_at_once(lab)
        # A stranger is judged and let in meanwhile.
        assert mail(lab.out, GOOD) is None
    finally:
        close_all(outcomes)
    assert g.child("responder") == pid
    assert memory_most_kib(pid) < MEMORY_MOST_KIB, memory_most_kib(pid)
    # It has room again.
    assert recipient(lab.out, crowd(1, CROWD)[0])[:3] == "550"


def test_more_than_it_may_hold_wait_and_are_served_later(lab, guarding):
    held = 16
    guarding({"connections": held})
    outcomes = attempt_all(lab.out, crowd(held), wait_s=5, greet=True)
    more = []
    try:
        assert {o.fate for o in outcomes} == {"open"}
        more = attempt_all(lab.out, crowd(8, held), wait_s=0.5)
        for o in more:
            if o.sock:
                o.sock.settimeout(0.3)
        assert not [o for o in more[:2] if o.sock and could_read(o.sock)]
        assert_honest_at_once(lab)
        close_all(outcomes)
        for o in more:
            if o.sock:
                assert lines_read(o.sock)[:3] == b"220"
    finally:
        close_all(outcomes + more)
    assert recipient(lab.out, crowd(1, 100)[0])[:3] == "550"


def could_read(sock):
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False


def send_until_cut(sock, block, most_bytes):
    """How many bytes went out before the other end hung up, or took no more."""
    sock.settimeout(1)
    sent = 0
    try:
        while sent < most_bytes:
            sent += sock.send(block)
    except (ConnectionError, TimeoutError):
        pass
    return sent


def test_endless_lines_binary_and_floods_of_commands_end_and_cost_nothing(lab, guarding):
    g = guarding()
    pid = g.child("responder")
    source = iter(crowd(20))
    most = 64 << 20
    # A line without an end; bytes; empty lines; commands whose answers nobody reads.
    for block in (b"A" * 65536, random.Random(25).randbytes(65536), b"\0" * 65536, b"\r\n" * 32768, b"NOOP\r\n" * 10000,
                  b"EHLO x\r\n" * 8000):
        with Talk(lab.out, next(source)) as talk:
            talk.hear()
            assert send_until_cut(talk.sock, block, most) < most, block[:10]
    with Talk(lab.out, next(source)) as talk:
        talk.hear()
        talk.say("EHLO client.example.org")
        talk.say(f"MAIL FROM:<{SENDER}>")
        for index in range(2000):
            try:
                if not talk.say(f"RCPT TO:<a{index}@example.net>").startswith("550"):
                    break
            except ConnectionError:
                break
        else:
            raise AssertionError("two thousand recipients, and no end")
    assert_honest_at_once(lab)
    assert g.child("responder") == pid
    assert memory_most_kib(pid) < MEMORY_MOST_KIB


def test_the_slow_the_half_closed_and_the_half_open(lab, guarding):
    g = guarding()
    pid = g.child("responder")
    forging = forge_start(lab.out, ["2001:db8:9fff::1"], count=2000, rate=5000, listen_ms=200)
    slow = [Talk(lab.out, source) for source in crowd(20)]
    try:
        forging.finish()
        for talk in slow:
            talk.hear()
        # One byte of each at a time, and the last of a line after all others.
        for byte in b"EHLO client.example.org\r":
            for talk in slow[:10]:
                talk.sock.sendall(bytes([byte]))
        assert_honest_at_once(lab)
        for talk in slow[:10]:
            assert talk.say(b"\n").startswith("250")
        # Who says nothing more can still be told everything.
        slow[10].sock.sendall("\r\n".join(DIALOGUE).encode() + b"\r\n")
        slow[10].sock.shutdown(socket.SHUT_WR)
        said = slow[10].sock.recv(4096)
        while b"550 " not in said:
            more = slow[10].sock.recv(4096)
            assert more, said
            said += more
        slow[11].sock.shutdown(socket.SHUT_WR)
        assert is_hung_up(slow[11].sock, 3)
        assert_honest_at_once(lab)
    finally:
        for talk in slow:
            talk.close()
    assert g.child("responder") == pid
    assert memory_most_kib(pid) < MEMORY_MOST_KIB


# ---- deaths ----

def test_a_responder_that_is_killed(lab, postfix, guarding):
    """Operator rules refuse, automatic verdicts pass, honest mail flows; and it comes back by itself."""
    g = guarding()
    ordered = crowd(1)[0]
    meet(g, lab.out, BAD)
    assert recipient(lab.out, BAD) == refusal_of(BAD)
    g.child_kill("responder", DEATHS)
    until(lambda: fate(lab.out, ordered) == "refused", 1, "operator rules refuse")
    assert g.why(ordered)["verdict"] == "refuse"
    assert recipient(lab.out, BAD, wait_s=AT_ONCE_S)[:3] == "250"
    assert_honest_at_once(lab)
    assert mail(lab.out, GOOD) is None
    until(lambda: g.child("responder"), RETURN_S, "it comes back")
    until(lambda: g.why(ordered)["verdict"] == "reply", 3, "and is used")
    meet(g, lab.out, BAD2)
    assert recipient(lab.out, BAD) == refusal_of(BAD)
    assert recipient(lab.out, BAD2) == refusal_of(BAD2)
    assert "Enough of this" in recipient(lab.out, ordered)
    g.log.wait(r"responder.*(killed|died|signal)")


def test_a_client_of_a_responder_that_is_killed_does_not_hang(lab, guarding):
    g = guarding()
    with Talk(lab.out, crowd(1)[0]) as talk:
        talk.hear()
        g.child_kill("responder")
        assert is_hung_up(talk.sock, 3)


def test_a_resolver_that_is_killed(lab, postfix, guarding):
    """Strangers are let in after the repeat of their SYN at the latest, and it comes back by itself."""
    g = guarding()
    meet(g, lab.out, BAD)
    g.child_kill("resolver", 2)
    for source in (GOOD, GOOD2):
        begin = time.monotonic()
        assert mail(lab.out, source) is None
        assert time.monotonic() - begin < PATIENCE_S
    assert recipient(lab.out, BAD) == refusal_of(BAD), "what is known holds"
    until(lambda: g.child("resolver"), RETURN_S, "it comes back")
    until(lambda: g.why(BAD2)["reason"] == "held", 5, "strangers are held again")
    meet(g, lab.out, BAD2)
    assert recipient(lab.out, BAD2) == refusal_of(BAD2)
    g.log.wait(r"resolver.*(killed|died|signal)")


def test_a_resolver_that_hangs(lab, postfix, guarding):
    """Stopped, not dead: it answers nothing, and nobody waits for it longer than for the repeat."""
    g = guarding()
    pid = g.child("resolver")
    os.kill(pid, 19)
    try:
        begin = time.monotonic()
        assert mail(lab.out, GOOD) is None
        assert time.monotonic() - begin < PATIENCE_S
        assert_honest_at_once(lab)
    finally:
        os.kill(pid, 18)
    meet(g, lab.out, BAD)
    assert recipient(lab.out, BAD)[:3] == "550"


def test_a_keeper_that_is_killed(lab, postfix, guarding):
    """Nothing hangs: strangers get in after a repeat, soon at once, and the next keeper knows what this one knew."""
    g = guarding()
    meet(g, lab.out, BAD)
    assert recipient(lab.out, BAD) == refusal_of(BAD)
    children = set(descendants(g.controller.pid))
    # What is in the store, within a second, is not lost.
    until(lambda: journal(g, BAD), 3, "the store has it")
    g.kill()
    killed = time.monotonic()
    assert_honest_at_once(lab)
    begin = time.monotonic()
    assert mail(lab.out, GOOD) is None
    assert time.monotonic() - begin < PATIENCE_S
    until(lambda: not [p for p in children if os.path.exists(f"/proc/{p}")], 5, "its children end with it")
    # The listed are let in rather than left hanging.
    assert attempt_and_close(lab, BAD, PATIENCE_S) == "open"
    g(f"block {BAD3}")
    assert fate(lab.out, BAD3) == "silent"
    until(lambda: g.why(GOOD2)["verdict"] == "pass", DEAD_AFTER_S + 1 - (time.monotonic() - killed), "holding ends")
    begin = time.monotonic()
    assert mail(lab.out, GOOD2) is None
    assert time.monotonic() - begin < AT_ONCE_S
    g.start()
    assert sources(g)[BAD]["reason"] == "listed"
    until(lambda: g.child("responder") and g.why(BAD)["verdict"] == "reply", 5, "a responder")
    assert recipient(lab.out, BAD) == refusal_of(BAD)
    assert g.why(GOOD3)["reason"] == "held"
    assert mail(lab.out, GOOD3) is None


def attempt_and_close(lab, source, wait_s):
    outcome = attempt(lab.out, source, wait_s=wait_s, greet=True)
    close_all([outcome])
    return outcome.fate
