# SPDX-License-Identifier: BSD-2-Clause
"""Who holds each packet of his connection in his own hand, against the gate: nothing of it gets a refused source to the mail server."""
import pytest

from lists import SCRIPTED, answering, judging, negative, saying, well
from lab import until
from rawtcp import Raw

BY_HAND = {4: "64.0.0.7", 6: "2a00:1::7"}
GREETED_S = 1.0
HEADS = ("7.0.0.64.", "7.0.0.0.0.0.")  # of their names in a list


def guilty(query, name, kind):
    """A list that is well, and has those and nobody else."""
    return (saying("127.0.0.2") if name.startswith(HEADS) else well(negative))(query, name, kind)


@pytest.fixture(params=[1, 2], ids=["states", "cookies"])
def cookies(request, lab):
    lab.mail.sysctl(ipv4__tcp_syncookies=request.param)
    yield request.param
    lab.mail.sysctl(ipv4__tcp_syncookies=1)


@pytest.mark.parametrize("family", [4, 6])
def test_an_ack_kept_back_until_the_verdict_is_there(lab, postfix, scripted, gate, cookies, family):
    """One connection makes the gate ask; the handshakes that wait beside it must not end with the mail server."""
    source = BY_HAND[family]
    scripted(answering({"bl.example": guilty}))
    g = judging(gate, contact="watch", resolver=SCRIPTED)
    start = postfix.mark()
    with Raw(lab.out, source) as first, Raw(lab.out, source) as kept:
        assert first.begin() and kept.begin()
        first.complete()
        until(lambda: g.why(source)["reason"] == "listed", 5, "a verdict")
        kept.complete()
        assert kept.text(GREETED_S) == "RST"
    # The SYN of another one is answered with the reason, as it should be.
    with Raw(lab.out, source) as told:
        assert told.begin()
        told.complete()
        assert told.text(GREETED_S).startswith("220 mx.example.net ESMTP\r")
        for said, code in ((b"EHLO x\r\n", "250"), (b"MAIL FROM:<>\r\n", "250"), (b"RCPT TO:<a@example.net>\r\n", "550")):
            told.say(said)
            assert told.text(GREETED_S).startswith(code)
    seen = [x for x in postfix.log.lines[start:] if "connect from" in x and f"[{source}]" in x]
    assert len([x for x in seen if " connect from" in x]) <= 1, seen
