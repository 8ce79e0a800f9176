# SPDX-License-Identifier: BSD-2-Clause
"""
`import postfix` of configurations that a real postconf reads, and of tables that the real postscreen decides by. The lists of the DNS are
compared in test_postscreen.py.
"""
import contextlib
import ipaddress
import json
import os
import pwd
import shutil
import re
import socket

import pytest

import lab as labs
from gate import BINARY
from lab import command
from postfix import Postfix

SERVER, SERVER6, PORT = "192.0.2.25", "2001:db8:7::25", 2525
SECRET = "root:$6$secret"

MAIN = """
myhostname = mx.example.net
mynetworks = 127.0.0.0/8 [::1]/128 192.0.2.64/26, [2001:db8:7::]/48
 !192.0.2.70 hash:/etc/postfix/networks 0.0.0.0/0
three = 3
postscreen_dnsbl_sites = zen.example.net=127.0.0.[2..11]*$three,
 key1234.dq.example*2, key1234.dq.example=127.0.0.9*1
 list.example.org=127.0.[0..255].[1..3]*-2 cbl.abuseat.org
postscreen_dnsbl_threshold = 2
postscreen_dnsbl_action = enforce
postscreen_dnsbl_reply_map = {map}
postscreen_dnsbl_max_ttl = 2h
postscreen_bare_newline_enable = yes
postscreen_allowlist_interfaces = !192.0.2.26 static:all
postscreen_access_list = permit_mynetworks, proxy:cidr:{folder}/access.cidr, regexp:{folder}/names
postscreen_denylist_action = drop
smtpd_client_connection_rate_limit = 30
anvil_rate_time_unit = 2m
smtpd_client_connection_count_limit = 20
smtpd_client_event_limit_exceptions = $mynetworks 203.0.113.200
smtpd_client_recipient_rate_limit = 100
smtpd_client_restrictions = permit_mynetworks, reject_unknown_reverse_client_hostname
smtpd_recipient_restrictions = permit_mynetworks, permit_dnswl_client wl.example, reject_rbl_client bl.example=127.0.0.2,
 reject_rhsbl_sender dbl.example, warn_if_reject reject_rbl_client soft.example, check_client_access hash:{folder}/clients,
 reject, reject_rbl_client never.example
soft_bounce = yes
"""
MASTER = """
127.0.0.1:smtp inet n - n - 1 postscreen
  -o postscreen_dnsbl_threshold=$three
  -o {{ smtpd_client_connection_count_limit = 10 }}
smtpd  pass - - n - - smtpd
  -o smtpd_soft_error_limit=5
587    inet n - n - - smtpd
  -o smtpd_client_connection_rate_limit=1
"""
ACCESS = """# the first that fits decides
198.51.100.7/32 permit
198.51.100.9    dunno
198.51.100.0/24
   reject
203.0.113.9     reject
203.0.113.0/25  permit
203.0.113.1     reject
203.0.113.64/26 reject
2001:db8:9001::7 permit
2001:db8:9001::/48 reject
192.0.2.200/32  reject
if 10.0.0.0/8
10.1.0.0/16 reject
endif
"""
CLIENTS = "203.0.114 REJECT not here\n203.0.115.7 OK\nspam.example REJECT\n203.0.115.8 450 later\n"
NAMES = {"texthash": "key1234.dq.example dq.example\n", "hash": "key1234.dq.example dq.example\n",
         "regexp": "/^key[0-9]+\\.dq\\.example$/ dq.example\n"}
CARRIED = {
    ("mode", "monitor"), ("never_block", "192.0.2.64/26"), ("never_block", "2001:db8:7::/48"), ("limits.rate", "30/2m burst 30"),
    ("limits.open", "20"), ("actions.dnsbl", "reply"), ("responder.name", "mx.example.net"), ("responder.speak_at", "rcpt"),
    ("dnsbl.sites", "zen.example.net=127.0.0.[2..11]*3"), ("dnsbl.sites", "key1234.dq.example*2"),
    ("dnsbl.sites", "key1234.dq.example=127.0.0.9*1"), ("dnsbl.sites", "list.example.org=127.0.[0..255].[1..3]*-2"),
    ("dnsbl.sites", "wl.example*-3"), ("dnsbl.sites", "bl.example=127.0.0.2*3"), ("dnsbl.threshold", "3"), ("dnsbl.timeout", "10s"),
    ("dnsbl.clean_min_ttl", "1m"), ("dnsbl.clean_max_ttl", "2h"), ("dnsbl.reply_names", "key1234.dq.example=dq.example"),
    ("rdns.none", "3"), ("rdns.alone", "true"),
}
RULES = {("allow", "198.51.100.7"), ("block", "198.51.100.0/24"), ("block", "203.0.113.9"),
         ("allow", "2001:db8:9001::7"), ("block", "2001:db8:9001::/48"), ("block", "192.0.2.200"), ("block", "203.0.114.0/24")}
LEFT = {"!192.0.2.70", "hash:/etc/postfix/networks", "0.0.0.0/0", "cbl.abuseat.org", "198.51.100.9", "10.1.0.0/16", "dbl.example",
        "soft.example", "spam.example", "450 later", "203.0.113.200", "100", "!192.0.2.26 static:all", "203.0.115.7", "203.0.113.0/25"}


@pytest.fixture
def site(run):
    """site(main, master, files): the directory of a Postfix configuration."""
    def make(main, master, **files):
        folder = os.path.join(run.folder, run.next_name("site"))
        os.mkdir(folder, 0o755)
        for name, text in {"main.cf": main.replace("{folder}", folder), "master.cf": master, **files}.items():
            with open(os.path.join(folder, name.replace("_", ".")), "w", encoding="ascii") as file:
                file.write(text)
            labs.age(file.name)
        return folder
    return make


def rows_of(folder, before=()):
    done = command(*before, BINARY, "--json", "import", "postfix", folder)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("kind", NAMES)
def test_a_configuration_is_carried_over(run, site, kind):
    folder = site(MAIN.replace("{map}", f"proxy:{kind}:{{folder}}/map"), MASTER.format(), access_cidr=ACCESS, clients=CLIENTS, map=NAMES[kind])
    if kind == "hash":
        command("postmap", f"hash:{folder}/map")
    rows, said = rows_of(folder)
    carried = {(r["key"], r["value"].split(" ")[0] if r["key"] in ("allow", "block", "trust") else r["value"]) for r in rows if r["carried"]}
    assert carried == CARRIED | RULES, carried ^ (CARRIED | RULES)
    left = {r["value"] for r in rows if not r["carried"] and r["key"] != "advice"}
    assert LEFT <= left, LEFT - left
    assert all(r["why"] for r in rows if not r["carried"])
    assert all(r["from"] for r in rows if r["carried"] and r["key"] != "mode"), rows
    assert f'"{len([r for r in rows if not r["carried"] and r["key"] != "advice"])} things could not be' in said
    # The text says the same, and is a configuration; each that was left is in it with its reason.
    path = os.path.join(folder, "postern.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(command(BINARY, "import", "postfix", folder).stdout)
    command(BINARY, "config", "check", path)
    with open(path, encoding="ascii") as file:
        text = file.read()
    assert all(r["value"] in text and (r["why"] or "") in text for r in rows)
    # The domain with the key is told to nobody but in this file.
    assert "key1234" not in said


# Who is let in and who is turned away by the table, whatever the tests of postscreen would find; and who is neither.
DECIDED = {"198.51.100.7": "pass", "198.51.100.8": "reject", "203.0.113.9": "reject", "203.0.113.1": "pass", "203.0.113.70": "pass",
           "203.0.113.130": "pass", "203.0.115.7": "pass"}


def banner(host, client):
    with host.inside():
        peer = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with peer:
        peer.bind((client, 0))
        peer.settimeout(10)
        peer.connect((SERVER, PORT))
        return peer.makefile("r", encoding="ascii", errors="replace").readline()


def test_a_table_of_clients_decides_as_in_postscreen(run, lab, gate, site):
    # Where smtpd asks about nobody: whom postscreen lets in nobody else turns away.
    folder = site(re.sub(r"(?m)^smtpd_\w*_restrictions.*\n( .*\n)*", "", MAIN).replace("{map}", ""), MASTER.format(), access_cidr=ACCESS, clients="")
    settings = "postscreen_cache_map =\npostscreen_greet_banner =\npostscreen_greet_wait = 1s\npostscreen_denylist_action = drop\n" + \
        f"inet_protocols = ipv4\npostscreen_access_list = cidr:{folder}/access.cidr\n"
    with contextlib.ExitStack() as stack:
        host = labs.Host(run.next_name("access"))
        stack.callback(host.close)
        host.ip(f"addr add {SERVER}/32 dev lo", *(f"route add local {net} dev lo" for net in ("198.51.100.0/24", "203.0.112.0/20")))
        server = Postfix(run, host, settings, f"{PORT} inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n")
        stack.callback(server.close)
        theirs = {client: "pass" if banner(host, client).startswith("220") else "reject" for client in DECIDED}
    assert theirs == DECIDED
    # As the file itself says it is to be done.
    text = command(BINARY, "import", "postfix", folder).stdout
    g = gate(start=False)
    path = os.path.join(g.folder, "imported")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    g.configure_text(text + f'state_dir = "{g.state}";\ninterfaces = ["mx0"];\n')
    g.start()
    commands = re.findall(r"^# To put it in force: (.*)$", text, re.M)
    assert len(commands) == 3
    for line in commands:
        lab.mail.run("sh", "-c", line.replace("THIS_FILE", path).replace("postern", " ".join(g.words())))
    ours = {client: "pass" if g.why(client)["verdict"] == "pass" else "reject" for client in DECIDED}
    assert ours == theirs


# smtpd's own tables, the wide before the narrow, and as postmap(1) indexes them. What is let in by one list another turns away.
INDEXED = """203.0.114 REJECT
203.0.114.7 OK
203.0.114.8 OK
203.0.115.0/24 REJECT never found: no such keys
203.0.115.7 OK
203.0.116.7 REJECT the first of a key counts
203.0.116.7 OK
2001:DB8:9002 REJECT
2001:db8:9002::7 OK
2001:db8:9003:0 REJECT never found: not as it is written for short
"""
OTHER = "203.0.114.8 REJECT\n203.0.115.7/32 REJECT\n203.0.112.0/25 OK\n203.0.112.0/24 REJECT\n"
DECIDED_BY_SMTPD = {"203.0.114.7": 250, "203.0.114.8": 554, "203.0.114.9": 554, "203.0.115.7": 554, "203.0.115.9": 250, "203.0.116.7": 554,
                    "203.0.112.7": 250, "203.0.112.200": 554, "2001:db8:9002::7": 250, "2001:db8:9002::8": 554, "2001:db8:9003::1": 250}


def answer(host, client):
    """What smtpd says at RCPT to one of these clients."""
    is_v6 = ":" in client
    with host.inside():
        peer = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_STREAM)
    with peer:
        peer.bind((client, 0))
        peer.settimeout(10)
        peer.connect((SERVER6 if is_v6 else SERVER, PORT))
        lines = peer.makefile("r", encoding="ascii", errors="replace")
        lines.readline()
        for command_ in ("HELO client.example", "MAIL FROM:<>", "RCPT TO:<someone@example.net>"):
            peer.sendall(command_.encode() + b"\r\n")
            code = int(lines.readline()[:3])
        return code


def ours_of(rows, client):
    """As the gate decides: allow beats every block."""
    def covered(verb):
        nets = [ipaddress.ip_network(r["value"].split(" ")[0]) for r in rows if r["carried"] and r["key"] == verb]
        return any(ipaddress.ip_address(client) in net for net in nets)
    return 554 if covered("block") and not covered("allow") else 250


def test_tables_of_clients_decide_as_in_smtpd(run, site):
    settings = "smtpd_client_restrictions = hash:{folder}/indexed\n" \
        "smtpd_sender_restrictions = check_client_access cidr:{folder}/other.cidr\n"
    folder = site(settings, "25 inet n - n - - smtpd\n", indexed=INDEXED, other_cidr=OTHER)
    command("postmap", f"hash:{folder}/indexed")
    with contextlib.ExitStack() as stack:
        host = labs.Host(run.next_name("smtpd"))
        stack.callback(host.close)
        host.ip(f"addr add {SERVER}/32 dev lo", f"addr add {SERVER6}/128 dev lo nodad", "route add local 203.0.112.0/20 dev lo",
                *(f"addr add {client}/128 dev lo nodad" for client in DECIDED_BY_SMTPD if ":" in client))
        server = Postfix(run, host, settings.replace("{folder}", folder), f"{PORT} inet n - n - - smtpd\n")
        stack.callback(server.close)
        theirs = {client: answer(host, client) for client in DECIDED_BY_SMTPD}
    assert theirs == DECIDED_BY_SMTPD
    rows, _ = rows_of(folder)
    assert {client: ours_of(rows, client) for client in DECIDED_BY_SMTPD} == theirs, rows


def test_an_index_that_is_older_than_its_text_is_told(site):
    folder = site("smtpd_client_restrictions = check_client_access hash:{folder}/clients\n", "25 inet n - n - - smtpd\n", clients=CLIENTS)

    def told():
        return [r["why"] for r in rows_of(folder)[0] if r["value"] == f"hash:{folder}/clients"]

    assert "there is no index of it" in told()[0]
    command("postmap", f"hash:{folder}/clients")
    assert not told()
    os.utime(f"{folder}/clients.db", (1, 1))
    assert "newer than its index" in told()[0]


def test_smtpd_alone(site):
    folder = site("postscreen_dnsbl_sites = idle.example\nsmtpd_recipient_restrictions = reject_rbl_client a.example, reject_rbl_client "
                  "b.example=127.0.0.[2;4]\nsmtpd_relay_restrictions = reject_rbl_client a.example\n", "25 inet n - n - - smtpd\n")
    rows, _ = rows_of(folder)
    carried = {(r["key"], r["value"]) for r in rows if r["carried"]}
    assert {("dnsbl.sites", "a.example*1"), ("dnsbl.sites", "b.example=127.0.0.[2;4]*1"), ("dnsbl.threshold", "1")} <= carried, carried
    assert [r["why"] for r in rows if r["value"] == "idle.example"][0].startswith("postscreen does not serve port 25")
    assert len([r for r in rows if r["value"] == "a.example*1"]) == 1


def test_root_reads_no_file_that_somebody_else_names(run, site):
    hidden = os.path.join(run.folder, run.next_name("hidden"))
    with open(hidden, "w", encoding="ascii") as file:
        file.write(f"{SECRET} reject\n")
    os.chmod(hidden, 0o600)
    folder = site(f"postscreen_access_list = cidr:{hidden}\n", "25 inet n - n - 1 postscreen\n")
    assert SECRET in json.dumps(rows_of(folder)[0]), "root's own configuration may name it"
    someone = pwd.getpwnam("nobody")
    # Nor by a link that somebody else may have made; what everybody may read is no secret.
    theirs = os.path.join(run.folder, run.next_name("theirs"))
    os.mkdir(theirs)
    os.chown(theirs, someone.pw_uid, someone.pw_gid)
    os.symlink(hidden, os.path.join(theirs, "table"))
    linking = site(f"postscreen_access_list = cidr:{theirs}/table\n", "25 inet n - n - 1 postscreen\n")
    rows, _ = rows_of(linking)
    assert SECRET not in json.dumps(rows) and "may say what stands at this place" in json.dumps(rows)
    os.chmod(hidden, 0o644)
    assert SECRET in json.dumps(rows_of(linking)[0])
    os.chmod(hidden, 0o600)
    # What else may be written beside it is not on the way to it.
    beside = os.path.join(run.folder, run.next_name("beside"))
    os.mkdir(beside)
    shutil.copy(hidden, os.path.join(beside, "table"))
    shutil.copy(os.path.join(folder, "main.cf"), beside)
    os.chmod(os.path.join(beside, "main.cf"), 0o666)
    assert SECRET in json.dumps(rows_of(site(f"postscreen_access_list = cidr:{beside}/table\n", "25 inet n - n - 1 postscreen\n"))[0])
    os.chown(folder, someone.pw_uid, someone.pw_gid)
    rows, _ = rows_of(folder)
    assert SECRET not in json.dumps(rows)
    assert [r for r in rows if "others than root may write" in (r["why"] or "")], rows
    # Nor one that is root's, but lies where somebody else could put another in its place.
    os.chown(folder, 0, 0)
    above = os.path.join(run.folder, run.next_name("above"))
    os.mkdir(above)
    os.chown(above, someone.pw_uid, someone.pw_gid)
    os.symlink(folder, os.path.join(above, "led"))
    assert SECRET in json.dumps(rows_of(os.path.join(above, "led"))[0]), "where it leads to counts"
    os.rename(folder, os.path.join(above, "conf"))
    assert SECRET not in json.dumps(rows_of(os.path.join(above, "conf"))[0])
    os.rename(os.path.join(above, "conf"), folder)
    shutil.rmtree(above)
    os.chown(folder, someone.pw_uid, someone.pw_gid)
    # And without root it is read by who asks.
    rows, _ = rows_of(folder, before=("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"))
    assert ("mode", "monitor") in {(r["key"], r["value"]) for r in rows}


def test_postmap_reads_no_table_of_somebody_else_as_root(run, site):
    table = os.path.join(run.folder, run.next_name("table"))
    with open(table, "w", encoding="ascii") as file:
        file.write("key.bl.example bl.example\n")
    os.chmod(table, 0o600)
    folder = site(f"postscreen_dnsbl_sites = key.bl.example\npostscreen_dnsbl_reply_map = texthash:{table}\n",
                  "25 inet n - n - 1 postscreen\n")

    def names():
        return [r["value"] for r in rows_of(folder)[0] if r["key"] == "dnsbl.reply_names" and r["carried"]]

    assert names(), "a table with keys in it is root's alone"
    # Neither root's nor nobody's: whoever owns it has made of it what he liked, and a library reads it.
    os.chown(table, 12345, 12345)
    assert not names()


def test_what_is_no_configuration(run):
    for path, said in (("/nowhere", "cannot read the Postfix configuration"), ("/etc/passwd", "is no directory")):
        done = command(BINARY, "import", "postfix", path, check=False)
        assert done.returncode == 1 and said in done.stderr, done
    empty = os.path.join(run.folder, run.next_name("empty"))
    os.mkdir(empty)
    done = command(BINARY, "import", "postfix", empty, check=False)
    assert done.returncode == 1 and "postconf cannot read the configuration" in done.stderr, done
