# SPDX-License-Identifier: BSD-2-Clause
"""`postern evidence`: what is told the owner of a network about a source, and by whom he is found; with lists and contacts that are told what to say."""
import datetime

import dnsserver as dns
from clients import recipient
from lab import until
from lists import BAD, EXACT6, GOOD, SCRIPTED, answering, journal, judging, meet, negative, only

CONTACTS = "contacts.example"
ABUSE = "abuse@isp.example"
SECRET = "it was my neighbour"
HOSTILE = b"\x1b[31mx@y.example\r\nBcc: z@y.example"
ENDED_S = 3


def contact(*texts):
    """Of whoever is asked about; no other type of record is there."""
    def answer(query, name, kind):
        return dns.reply(query, answers=[dns.text_record(t) for t in texts]) if kind == dns.TXT else negative(query, name, kind)
    return answer


def listing(gate, scripted, contacts, bad=(BAD,), **dnsbl):
    """A gate that asks one list and knows of contacts; and the server of both."""
    server = scripted(answering({"bl.example": only(bad), CONTACTS: contacts}))
    return judging(gate, resolver=SCRIPTED, dnsbl={"abuse_contacts": CONTACTS, **dnsbl}), server


def meet_listed(g, outside, source):
    meet(g, outside, source)
    until(lambda: journal(g, source), ENDED_S, "it is written down")


def when(text):
    return datetime.datetime.fromisoformat(text)


def test_a_listed_source_has_times_counts_and_a_contact(lab, postfix, scripted, gate):
    began = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    g, server = listing(gate, scripted, contact(ABUSE.encode(), b"noc@isp.example"))
    meet_listed(g, lab.out, BAD)
    assert recipient(lab.out, BAD)[:3] == "550"
    g(f"block 203.0.113.0/24 for 1h because {SECRET}")
    row = g.row(f"evidence {BAD}")
    assert row["contacts"] == [ABUSE, "noc@isp.example"] and row["contact_zone"] == CONTACTS, row
    listed = {c["what"]: c for c in row["counts"]}["listed"]
    assert listed["count"] == 1
    ended = datetime.datetime.now(datetime.timezone.utc)
    assert began <= when(listed["first"]) <= when(listed["last"]) <= ended
    assert began <= when(row["first"]) <= when(row["last"]) <= when(row["time"]) <= ended
    assert row["reporter"] == "mx.example.net"
    assert row["dnsbl"]["zones"][0]["zone"] == "bl.example" and row["dnsbl"]["text"] == "because"
    assert row["rule"]["prefix"] == "203.0.113.0/24" and row["rule"]["expires"]
    assert row["gate"]["action"] != "pass" and row["gate"]["limit"] == 120
    said = g(f"evidence {BAD}").stdout
    for part in (f"Abuse report about {BAD}", f"Abuse contact: {ABUSE}, noc@isp.example", "listed: 1 time, ",
                 "bl.example: listed 127.0.0.2", "bl.example says: because", "Reported by:   mx.example.net"):
        assert part in said, said
    assert SECRET not in said + str(row), "what is private stays here"
    assert ("7.113.0.203." + CONTACTS, dns.TXT, False) in server.asked


def test_ipv6_is_asked_about_by_nibbles(lab, postfix, scripted, gate):
    g, server = listing(gate, scripted, contact(ABUSE.encode()))
    g(f"block {EXACT6}")
    assert g.row(f"evidence {EXACT6}")["contacts"] == [ABUSE]
    name = ".".join(reversed("20010db8900100000000000000000bad")) + "." + CONTACTS
    assert (name, dns.TXT, False) in server.asked


def test_who_is_unknown_is_no_entry(lab, postfix, scripted, gate):
    g, server = listing(gate, scripted, contact(ABUSE.encode()))
    done = g(f"evidence {GOOD}", status=3)
    assert "nothing is known" in done.stderr and not done.stdout
    assert not [name for name, _, _ in server.asked if name.endswith(CONTACTS)], "nobody was asked about him"
    g("evidence somebody", status=2)


def test_a_hostile_answer_is_escaped_and_no_contact(lab, postfix, scripted, gate):
    g, _ = listing(gate, scripted, contact(HOSTILE))
    g(f"block {BAD}")
    row = g.row(f"evidence {BAD}")
    assert row["contacts"] == [] and "no mail address" in row["contact_why"]
    said = g(f"evidence {BAD}").stdout
    assert "\\x1b[31mx@y.example\\x0d\\x0aBcc" in said and "Abuse contact: not known" in said
    assert all(" " <= c < "\x7f" or c == "\n" for c in said), said


def test_no_contact_is_said_and_no_error(lab, postfix, scripted, gate):
    behaviours = {CONTACTS: negative}
    server = scripted(lambda *question: answering(behaviours)(*question))
    g = gate(mode="enforce", resolver=[SCRIPTED],
             dnsbl={"abuse_contacts": CONTACTS, "timeout": "1s", "ask_nonglobal": True})
    g(f"block {BAD}")
    for behaviour, why in ((negative, "knows none"), (lambda q, n, k: dns.reply(q, dns.SERVFAIL), "SERVFAIL"),
                           (contact(b""), "knows none"), (lambda *_: None, "in time"),
                           (lambda q, n, k: dns.reply(q, dns.REFUSED), "")):
        behaviours[CONTACTS] = behaviour
        row = g.row(f"evidence {BAD}")
        assert row["contacts"] == [] and row["contact_why"] and why in row["contact_why"], row
    asked = len(server.asked)
    assert "was not looked for" in g(f"evidence {BAD} no contact").stdout
    # Not by default about addresses of documentation, and nobody at all without a zone; each is said.
    g.configure(dnsbl={"abuse_contacts": CONTACTS})
    assert "documentation" in g.row(f"evidence {BAD}")["contact_why"]
    g.configure(dnsbl={"abuse_contacts": "", "ask_nonglobal": True})
    assert "abuse_contacts" in g.row(f"evidence {BAD}")["contact_why"]
    assert len(server.asked) == asked
    g.configure(dnsbl={"abuse_contacts": "not a name"})
    done = g(f"config check {g.config_path}", status=1)
    assert "dnsbl.abuse_contacts" in done.stdout + done.stderr


def test_evidence_stays_without_a_gate(lab, postfix, scripted, gate):
    g, _ = listing(gate, scripted, contact(ABUSE.encode()))
    meet_listed(g, lab.out, BAD)
    g.stop()
    g("detach all")
    row = g.row(f"evidence {BAD} no contact")
    assert row["gate"] is None and row["counts"][0]["count"] == 1
    assert "no gate is loaded" in g(f"evidence {BAD} no contact").stdout
