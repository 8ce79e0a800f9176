# SPDX-License-Identifier: BSD-2-Clause
"""
The same site lists and the same answers for postscreen and for `postern check`: a table of generated site lists, each asked
about by several clients, and the decision of a real postscreen beside ours. Our configuration is the one that `import postfix` makes
of postscreen's. Where the two differ on purpose, the difference has a row of its own below, and both sides of it are tested.
"""
import concurrent.futures
import os
import random
import re
import socket

import pytest

import dnsserver as dns
import lab as labs
from gate import BINARY
from postfix import Postfix
from test_dns import Checker

SEED = 25
LISTS, CLIENTS = 60, 4  # 240 decisions
ZONES = [f"z{i}.ps.example" for i in range(8)]
SERVER = "192.0.2.25"
FIRST_PORT = 20000
# postscreen counts what has come by the end of this wait; so many clients at once get their answers well within it.
GREET_WAIT_S, AT_ONCE = 2, 20
CODES = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.9", "127.0.0.10", "127.0.0.11", "127.0.1.5", "127.0.5.2",
         "127.1.2.3", "127.0.0.255"]

# What postscreen takes and what it refuses; we do the same.
SYNTAX = {
    "z0.ps.example": True, "z0.ps.example*2": True, "z0.ps.example*-2": True, "z0.ps.example*+2": True,
    "z0.ps.example=127.0.0.2": True, "z0.ps.example=127.0.0.[2..4;9]*3": True, "z0.ps.example=127.[0..255].0.2": True,
    "z0.ps.example, z1.ps.example": True, "z0.ps.example=127.0.0.[4..4]": True, "z0.ps.example=127.0.0.002": True,
    "z0.ps.example*": False, "z0.ps.example*x": False, "z0.ps.example*2x": False, "z0.ps.example*1.5": False,
    "z0.ps.example=": False, "z0.ps.example=127.0.0": False, "z0.ps.example=127.0.0.256": False,
    "z0.ps.example=127.0.0.3[6..9]": False, "z0.ps.example=1.2.[3.4]": False, "z0.ps.example=127.0.0.[4..2]": False,
    "z0.ps.example=127.0.0.[]": False, "z0.ps.example=127.0.0.2.3": False, "z0.ps.example*2=127.0.0.2": False,
    "z0.ps.example=[127].0.0.2": True, "z0.ps.example=[127.0.0.2]": True, "z0.ps.example=[127].[0].[0].[2]": True,
    "z0.ps.example=[127.0.0.[2;3]]": True, "z0.ps.example=[127.0.0.2": False, "z0.ps.example=[127.0].0.2": False,
    "z_0.ps.example": True, "z0-.ps.example": False, "12345": False, "127.0.0.1": False, "z0/ps.example": False,
    "z0.ps.example=127.0.0.[2;]": False, "z0.ps.example=127.0.0.[2": False, "z0.ps.example=127.0.0.[1..2..3]": False,
    f"{'a' * 63}.ps.example": True, f"{'a' * 64}.ps.example": False, "Z0.PS.Example": True,
    "z0..ps.example": False, "-z0.ps.example": False, "z0.ps.example.": False, "=127.0.0.2": False,
}

# Where we differ, on purpose: name: (site list, answer of z0, postscreen says, we say).
DEVIATIONS = {
    "an entry without filter does not take 127.0.0.1": ("z0.ps.example*3", "127.0.0.1", "listed", "unknown"),
    "nor the error codes 127.255.255.0/24": ("z0.ps.example*3", "127.255.255.254", "listed", "unknown"),
    "nor an answer outside 127.0.0.0/8": ("z0.ps.example*3", "192.0.2.80", "listed", "unknown"),
    "an error code is no listing where a filter names it": ("z0.ps.example=127.255.255.[0..255]*3", "127.255.255.255",
                                                            "listed", "unknown"),
    "nor is 127.0.0.1 where a filter names it": ("z0.ps.example=127.0.0.1*3", "127.0.0.1", "listed", "unknown"),
    "127.0.0.1 of an allow list does not trust": ("z0.ps.example*-3 z1.ps.example*3", "127.0.0.1", "clean", "unknown"),
}

MAIN = f"""
inet_protocols = ipv4
virtual_mailbox_domains =
postscreen_cache_map =
postscreen_access_list =
postscreen_greet_banner =
postscreen_greet_action = ignore
postscreen_dnsbl_action = drop
postscreen_greet_wait = {GREET_WAIT_S}s
"""
MASTER = """
smtpd      pass  - - n - - smtpd
dnsblog    unix  - - n - 0 dnsblog
"""


class Table:
    """Site lists, and what each zone says about each client."""

    def __init__(self):
        self.random = random.Random(SEED)
        self.lists = [(self.sites(), self.random.randint(1, 6)) for _ in range(LISTS)]
        self.answers = {f"203.0.113.{n}": self.answer() for n in range(1, LISTS * CLIENTS + 1)}
        self.special = {f"198.51.100.{n}": {ZONES[0]: [row[1]], ZONES[1]: ["127.0.0.2"]}
                        for n, row in enumerate(DEVIATIONS.values(), 1)}

    def filter(self):
        r = self.random
        last = r.choice(["2", "10", "[2..11]", "[2;4;9]", "[3..4;10..11]", "[0..255]", "255", "[1..3]"])
        return f"127.{r.choice(['0', '0', '0', '[0..1]'])}.{r.choice(['0', '0', '[0..255]', '[1..9]'])}.{last}"

    def sites(self):
        r, entries = self.random, []
        for _ in range(r.randint(1, 6)):
            entry = r.choice(ZONES)
            entry += f"={self.filter()}" if r.random() < 0.6 else ""
            entry += f"*{r.choice([-4, -3, -2, -1, 0, 1, 2, 2, 3, 3, 5])}" if r.random() < 0.8 else ""
            entries.append(entry)
        return r.choice([", ", " ", ","]).join(entries)

    def answer(self):
        r = self.random
        return {zone: r.sample(CODES, r.choice([1, 1, 1, 2, 3])) for zone in ZONES if r.random() < 0.6}

    def zones(self):
        texts = {zone: "2.0.0.127 A 127.0.0.2\n" for zone in ZONES}
        for client, answers in (*self.answers.items(), *self.special.items()):
            for zone, codes in answers.items():
                turned = ".".join(reversed(client.split(".")))
                texts[zone] += "".join(f"{turned} A {code}\n" for code in codes)
        return {zone: {"generic": text} for zone, text in texts.items()}


class Postscreen(Postfix):
    """One with a postscreen on a port of its own for each site list."""

    def __init__(self, run, host, lists):
        super().__init__(run, host, MAIN, MASTER + "".join(
            f"{FIRST_PORT + n} inet n - n - 1 postscreen -o {{ postscreen_dnsbl_sites = {sites} }}"
            f" -o postscreen_dnsbl_threshold={threshold}\n" for n, (sites, threshold) in enumerate(lists)), "127.0.0.1")

    def banner(self, number, client):
        """The first line that a client hears, or "" when postscreen has nothing to say."""
        with self.host.inside():
            peer = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with peer:
            peer.bind((client, 0))
            peer.settimeout(GREET_WAIT_S + 8)
            try:
                peer.connect((SERVER, FIRST_PORT + number))
                return peer.makefile("r", encoding="ascii", errors="replace").readline().strip()
            except OSError:
                return ""

    def decide(self, number, client):
        """(verdict, the zone it names or None)"""
        said = self.banner(number, client)
        if said.startswith("220"):
            return "clean", None
        assert said.startswith("521 5.7.1 Service unavailable;"), (number, client, said, self.log.lines[-5:])
        return "listed", said.rsplit("blocked using ", 1)[1]


@pytest.fixture(scope="module")
def table():
    return Table()


@pytest.fixture(scope="module")
def host(run, table):
    one = labs.Host(run.next_name("ps"))
    one.ip(f"addr add {SERVER}/32 dev lo", "route add local 203.0.113.0/24 dev lo", "route add local 198.51.100.0/24 dev lo")
    rbldnsd = dns.Rbldnsd(run, one, table.zones())
    unbound = dns.Unbound(run, one, ZONES)
    yield one
    unbound.close()
    rbldnsd.close()
    one.close()


def lists_of(table):
    return table.lists + [(row[0], 3) for row in DEVIATIONS.values()] + [(sites, 1) for sites in SYNTAX]


@pytest.fixture(scope="module")
def postscreen(run, host, table):
    one = Postscreen(run, host, lists_of(table))
    yield one
    one.close()


class Imported(Checker):
    """With the configuration that is made of a Postfix with a postscreen at port 25."""

    def __init__(self, run, host, sites, threshold):
        super().__init__(run, host)
        self.folder = self.path.removesuffix(".conf")
        os.mkdir(self.folder, 0o755)
        for name, text in (("main.cf", f"postscreen_dnsbl_sites = {sites}\npostscreen_dnsbl_threshold = {threshold}\n"),
                           ("master.cf", "smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n")):
            with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
                file.write(text)
            labs.age(file.name)
        text = host.run(BINARY, "import", "postfix", self.folder).stdout
        # Documentation addresses, asked of the resolver of the test; the rest is as it was made.
        text, count = re.subn(r"^dnsbl: {$", 'resolver = ["127.0.0.1:53"];\ndnsbl: {\n\task_nonglobal = true;', text, flags=re.M)
        assert count == 1, text
        with open(self.path, "w", encoding="ascii") as file:
            file.write(text)


def verdict(checker, client):
    """(verdict, zone, the row of each zone)"""
    zones, last = checker(client)
    return last["verdict"], last["zone"], zones


def decide(run, host, sites, threshold, client):
    return verdict(Imported(run, host, sites, threshold), client)


def test_the_same_decisions(run, host, table, postscreen):
    cases = [(number, client) for number in range(LISTS)
             for client in list(table.answers)[number * CLIENTS:(number + 1) * CLIENTS]]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        theirs = list(pool.map(lambda case: postscreen.decide(*case), cases))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        imported = list(pool.map(lambda one: Imported(run, host, *one), table.lists))
        ours = list(pool.map(lambda case: verdict(imported[case[0]], case[1]), cases))
    assert len(cases) >= 200
    different = [(table.lists[number], client, table.answers[client], them, us[:2])
                 for (number, client), them, us in zip(cases, theirs, ours) if them[0] != us[0]]
    assert not different, different
    # Both kinds of decision occur often enough to mean something.
    listed = sum(verdict == "listed" for verdict, _ in theirs)
    assert LISTS // 2 < listed < len(cases) - LISTS // 2, listed
    # One zone alone that adds anything is named by both.
    for them, us in zip(theirs, ours):
        if them[0] == "listed" and sum(row["added"] > 0 for row in us[2].values()) == 1:
            assert them[1] == us[1], (them, us)


@pytest.mark.parametrize("name", DEVIATIONS)
def test_the_documented_differences(run, host, table, postscreen, name):
    number = list(DEVIATIONS).index(name)
    sites, _, they_say, we_say = DEVIATIONS[name]
    client = list(table.special)[number]
    assert postscreen.decide(LISTS + number, client)[0] == they_say
    assert decide(run, host, sites, 3, client)[0] == we_say


def test_the_same_syntax(run, host, table, postscreen):
    first = LISTS + len(DEVIATIONS)
    with concurrent.futures.ThreadPoolExecutor(len(SYNTAX)) as pool:
        taken = list(pool.map(lambda n: postscreen.banner(first + n, "198.51.100.200") != "", range(len(SYNTAX))))
    checker = Checker(run, host)
    for (sites, expected), theirs in zip(SYNTAX.items(), taken):
        checker.configure([sites])
        ours = host.run(*checker.words("config", "check"), check=False).returncode == 0
        assert (theirs, ours) == (expected, expected), (sites, theirs, ours, postscreen.log.lines[-8:])
