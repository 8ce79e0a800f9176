# SPDX-License-Identifier: BSD-2-Clause
"""
Feeds: files that somebody else writes. Read in the forms of the programs that write them, swapped in without a packet
let through, and never worse than the last one that was good.
"""
import os
import signal
import sqlite3
import subprocess

from clients import fate, fates, forge_start
from hungfs import HungFileSystem
from lab import command, until

SOURCE = "203.0.113.7"
OTHER = "203.0.113.8"
HONEST = "203.0.113.9"
SIX = "2001:db8:9000::7"
# Entries: sizes below 100 say nothing.
MANY, FEW = 200, 99


def write(path, text):
    """As tools do it: whole, and by one step."""
    with open(path + ".part", "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path + ".part", 0o644)
    os.rename(path + ".part", path)


def lines(*entries):
    return "".join(f"{e}\n" for e in entries)


def filler(count, third=18):
    return [f"198.{third}.{n >> 8}.{n & 255}" for n in range(count)]


def feed(path, **keys):
    return {"name": "drop", "file": path, **keys}


def shown(g, name="drop"):
    return {row["name"]: row for row in g.rows("show feeds")}[name]


def loaded(g, name="drop", state="loaded"):
    return until(lambda: shown(g, name) if shown(g, name)["state"] == state else None, 10, f"{name} is {state}")


def watched(g):
    """Directories that the controller watches."""
    folder = f"/proc/{g.row('show status')['controller']}/fdinfo"
    texts = [open(os.path.join(folder, fd), encoding="ascii").read() for fd in os.listdir(folder)]
    return sum(text.count("inotify wd:") for text in texts)


def zone_addresses(folder, path):
    """What rbldnsd itself makes of a zone file."""
    out = command("rbldnsd", "-d", f"bl.example:ip4set:{path}", cwd=folder).stdout
    names = [line.split()[0] for line in out.splitlines() if "\tA\t" in line]
    return {".".join(reversed(name.removesuffix(".bl.example.").split("."))) for name in names}


def test_files_of_real_programs_are_read(lab, gate, sink, folder):
    paths = {name: os.path.join(folder, name) for name in ("ipset", "nft", "zone", "json")}
    lab.mail.run("ipset", "create", "bad", "hash:net", "timeout", "600")
    lab.mail.run("ipset", "add", "bad", "203.0.113.16/28", "timeout", "300")
    lab.mail.run("ipset", "add", "bad", "203.0.113.20", "nomatch")
    write(paths["ipset"], lab.mail.run("ipset", "save").stdout)
    lab.mail.run("nft", "add table inet t; add set inet t s { type ipv4_addr; flags interval,timeout; }; "
                 "add element inet t s { 203.0.113.33, 203.0.113.34-203.0.113.36 timeout 1h, "
                 "203.0.113.40/30 comment \"a, b }\" }")
    write(paths["nft"], lab.mail.run("nft", "list", "set", "inet", "t", "s").stdout)
    lab.mail.run("nft", "delete", "table", "inet", "t")
    lab.mail.run("ipset", "destroy", "bad")
    zone = "$NS 3600 ns.example.\n:127.0.0.2:Listed\n203.0.113.48-50\n203.0.113.52/31\n!203.0.113.49\n"
    write(paths["zone"], zone)
    # What stands in two is the first one's.
    write(paths["json"], '{"cidr":"2001:db8:9000::/48","sblid":"SBL1"}\n{"cidr":"203.0.113.33/32"}\n'
          '{"cidr":"203.0.113.40/30"}\n{"type":"metadata","timestamp":1,"records":3}\n')
    g = gate(mode="enforce", feeds=[{"name": name, "file": path} for name, path in paths.items()])
    forms = {name: loaded(g, name)["format"] for name in paths}
    assert forms == {"ipset": "ipset", "nft": "nft", "zone": "rbldnsd", "json": "ndjson"}
    inside = ["203.0.113.16", "203.0.113.33", "203.0.113.35", "203.0.113.43", "203.0.113.48", "203.0.113.53", SIX]
    outside = ["203.0.113.20", "203.0.113.37", "203.0.113.44", "203.0.113.49", "203.0.113.51"]
    assert set(fates(lab.out, inside).values()) == {"silent"}
    assert set(fates(lab.out, outside, greet=True).values()) == {"open"}
    mine = {f"203.0.113.{n}" for n in range(48, 56) if g.why(f"203.0.113.{n}")["feed"] == "zone"}
    assert mine == zone_addresses(folder, paths["zone"])
    assert [g.why(f"203.0.113.{n}")["feed"] for n in (33, 40)] == ["nft", "nft"]
    assert g.why(SIX)["feed"] == "json" and shown(g, "json")["hits"] > 0


def test_a_source_of_both_versions_is_never_let_in(lab, gate, sink, folder):
    path = os.path.join(folder, "drop")
    versions = [lines(SOURCE, *filler(5000, third)) for third in (18, 19)]
    write(path, versions[0])
    g = gate(mode="enforce", feeds=[feed(path)])
    loaded(g)
    flood = forge_start(lab.out, [SOURCE], count=10**7, rate=20000, life_s=60)
    for n in range(1, 8):
        start = len(g.log.lines)
        write(path, versions[n % 2])
        g.log.wait(r"feed drop: 5001 entries .*5000 of them new, 5000 gone", 10, start)
    # And while feeds come and go around it, and its own action changes.
    write(os.path.join(folder, "more"), lines(OTHER))
    more = {"name": "more", "file": os.path.join(folder, "more")}
    for feeds in ([more, feed(path)], [feed(path, always=True)], [more, {"name": "other", "file": path}]):
        g.configure(feeds=feeds)
        g("reload")
    counters = g.counters()
    assert counters["feed"]["packets"] > 10000 and not counters.get("clean", {}).get("packets"), counters
    # Other bounds are other maps, which are filled before a packet meets them.
    g.configure(tables={"rules": 4096})
    g("reload")
    g.log.wait("the gate has new maps")
    seen = flood.stop()
    assert seen["sent"] > 10000 and seen["synack"] == seen["rst"] == 0, seen
    counters = g.counters()
    assert counters["feed"]["packets"] > 0 and not counters.get("clean", {}).get("packets"), counters


def test_a_file_counts_when_it_is_whole(lab, gate, sink, folder):
    path = os.path.join(folder, "late", "drop")
    g = gate(mode="enforce", feeds=[feed(path)])
    assert shown(g)["state"] == "missing"
    os.mkdir(os.path.dirname(path), 0o755)
    os.chmod(os.path.dirname(path), 0o755)
    write(path, lines(OTHER))
    done = g.row("feed load drop")
    assert (done["state"], done["entries"], done["added"]) == ("loaded", 1, 1)
    g.log.wait("feed drop: 1 entry from")
    start = len(g.log.lines)
    with open(path, "w", encoding="ascii") as file:
        file.write(lines(SOURCE) + "203.0.113.1")
        file.flush()
        # Silence takes longer than what the controller waits for a burst of writes to end.
        assert fates(lab.out, [SOURCE, OTHER], greet=True) == {SOURCE: "open", OTHER: "silent"}
        file.write("00\n")
    g.log.wait(r"feed drop: 2 entries .* 2 of them new, 1 gone", start=start)
    assert sum("feed drop" in line for line in g.log.lines[start:]) == 1
    assert fates(lab.out, [SOURCE, "203.0.113.100", "203.0.113.1", OTHER]) == {
        SOURCE: "silent", "203.0.113.100": "silent", "203.0.113.1": "open", OTHER: "open"}


BROKEN = (
    ("<html>429 Too Many Requests</html>\n", "unreadable", "this is a web page"),
    ("", "held back", "it has no entry left"),
    (lines(*filler(FEW)), "held back", "from 200 entries to 99"),
    (lines(*filler(2001)), "held back", "from 200 entries to 2001"),
)


def test_the_last_good_list_stays(lab, gate, sink, folder):
    path = os.path.join(folder, "drop")
    write(path, lines(SOURCE, *filler(MANY - 1)))
    g = gate(mode="enforce", feeds=[feed(path)])
    loaded(g)
    for text, state, why in BROKEN:
        start = len(g.log.lines)
        write(path, text)
        g.log.wait(f"feed drop: {state}: .*{why}.*200 entries from before stay in force", 10, start)
        row = until(lambda w=why: shown(g) if w in (shown(g)["why"] or "") else None, what="it is shown")
        assert (row["state"], row["entries"]) == (state, MANY), row
        until(lambda w=why: any(e["what"] == "feed" and w in e["text"] for e in g.rows("show journal")),
              what="a line of the journal")
    # A reboot with the broken file: nothing in the kernel, and the list from the first packet on.
    g.stop()
    g("detach all")
    g.start()
    assert fate(lab.out, SOURCE) == "silent"
    loaded(g, state="held back")
    assert g.row("feed load drop", status=1)["entries"] == MANY
    write(path, BROKEN[0][0])
    assert g.row("feed load drop anyway", status=1)["state"] == "unreadable"
    write(path, BROKEN[3][0])
    done = g.row("feed load all anyway")
    assert (done["state"], done["entries"], done["removed"]) == ("loaded", 2001, 1), done
    assert fate(lab.out, SOURCE, greet=True) == "open"


def test_files_that_others_could_have_written_are_refused_by_name(lab, gate, sink, folder):
    path = os.path.join(folder, "drop")
    write(path, lines(SOURCE))
    g = gate(mode="enforce", feeds=[feed(path)])
    loaded(g)

    def refused(why):
        done = g.row("feed load drop", status=1)
        assert done["state"] == "unreadable" and why in done["why"] and done["entries"] == 1, done

    os.chmod(path, 0o664)
    refused(f"others may write {path} (mode 0664)")
    os.chmod(path, 0o644)
    os.chmod(folder, 0o1777)
    refused("others may write its directory (mode 1777)")
    os.chmod(folder, 0o755)
    os.chown(path, 4242, 0)
    refused("belongs to user 4242")
    os.chown(path, 0, 0)
    os.rename(path, path + ".there")
    os.symlink(path + ".there", path)
    refused("is a link")
    os.unlink(path)
    os.mkfifo(path)
    refused("is not a regular file")
    os.unlink(path)
    assert g.row("feed load drop", status=1)["state"] == "missing"
    assert fate(lab.out, SOURCE) == "silent"
    assert g("feed load drpo", status=3).stderr


def test_what_must_be_let_in_is_left_out_or_told(lab, gate, sink, folder):
    path = os.path.join(folder, "drop")
    own = lab.mail.run("ip", "-4", "-o", "addr", "show", "mx0").stdout.split()[3].split("/")[0]
    write(path, lines(own, "127.0.0.1", "0.0.0.0/0", "203.0.113.128/26", SOURCE, "203.0.113.192/27", HONEST))
    g = gate(mode="enforce", start=None, never_block=["203.0.113.129"], feeds=[feed(path)])
    g.start()
    g.stop()
    store = sqlite3.connect(os.path.join(g.state, g.instance, "postern.db"))
    for address, messages in ((HONEST, 5), ("203.0.113.193", 7)):
        blob = bytes(10) + b"\xff\xff" + bytes(map(int, address.split(".")))
        store.execute("INSERT INTO sender (addr, host, first_wall_s, last_wall_s, messages, recipients)"
                      " VALUES (?, 'mail.example.org', 1, strftime('%s'), ?, ?)", (blob, messages, messages))
    store.commit()
    store.close()
    g.start()
    row = loaded(g)
    assert (row["refused"], row["left_out"], row["entries"]) == (2, 2, 5), row
    assert (row["senders"], row["named"]) == (2, ["203.0.113.193", HONEST])
    g.log.wait(r"feed drop: it has 2 who deliver mail here, such as 203.0.113.193 \(mail.example.org\), by its entry "
               r"203.0.113.192/27 \(7 messages\): `postern allow 203.0.113.193`")
    assert fates(lab.out, [SOURCE, HONEST, "203.0.113.150"]) == {
        SOURCE: "silent", HONEST: "silent", "203.0.113.150": "open"}
    g(f"allow {HONEST}")
    assert g.row("feed load drop")["senders"] == 1
    assert fate(lab.out, HONEST, greet=True) == "open"


def test_without_a_controller_a_command_reads_them(lab, gate, sink, folder):
    path = os.path.join(folder, "drop")
    write(path, lines(SOURCE, "x"))
    g = gate(mode="enforce", feeds=[feed(path), {"name": "own", "file": path + ".own", "action": "refuse"}])
    loaded(g)
    assert g.row("show status")["feeds"] == {"count": 2, "loaded": 1, "entries": 1}
    g.stop()
    assert fate(lab.out, SOURCE) == "silent"
    # What it does not know it does not say.
    assert g.row("show status")["feeds"] == {"count": 2, "loaded": None, "entries": None}
    assert "feeds        2 configured; what the kernel has of them stays" in g("show status").stdout
    write(path, lines(*filler(FEW)))
    write(path + ".own", lines(OTHER))
    assert {r["name"]: r["added"] for r in g.rows("feed load all")} == {"drop": FEW, "own": 1}
    assert fates(lab.out, [SOURCE, OTHER], greet=True) == {SOURCE: "open", OTHER: "refused"}
    write(path, "")
    said = g("feed load drop", status=1).stdout
    assert "drop: held back: it has no entry left; 99 entries" in said and "feed load drop anyway" in said
    assert g("show feeds", status=1).stderr
    # A gate that is made anew without a controller has what was kept.
    g("detach all")
    g("attach mx0")
    assert fate(lab.out, OTHER) == "refused"


def test_lists_and_hits_outlive_restarts_whatever_was_kept(lab, gate, sink, folder):
    paths = [os.path.join(folder, name) for name in ("drop", "own")]
    write(paths[0], lines(SOURCE))
    write(paths[1], lines(OTHER, *filler(MANY)))
    feeds = [feed(paths[0]), {"name": "own", "file": paths[1], "action": "refuse"}]
    g = gate(mode="enforce", feeds=feeds)
    loaded(g)
    loaded(g, "own")
    assert fates(lab.out, [SOURCE, OTHER]) == {SOURCE: "silent", OTHER: "refused"}
    hits = {name: shown(g, name)["hits"] for name in ("drop", "own")}
    assert min(hits.values()) > 0
    g.stop()
    # The disk lies, the file has gone mad, the order is another, and so is a file of any size: nobody is let in meanwhile.
    kept = os.path.join(g.state, g.instance, "feed-own")
    with open(kept, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x01")
    start = len(g.log.lines)
    write(paths[1], BROKEN[0][0])
    write(paths[0] + ".2", lines(SOURCE, HONEST, *filler(1, 19)))
    told = g.row("feed load drop", status=1)
    assert told["state"] == "held back" and "of the feed own that was not kept" in told["why"], told
    g.configure(feeds=[feeds[1], feed(paths[0] + ".2")])
    g.start()
    loaded(g, state="held back")
    assert fates(lab.out, [SOURCE, OTHER]) == {SOURCE: "silent", OTHER: "refused"}
    assert g.why(OTHER)["feed"] == "own" and g.why(SOURCE)["feed"] == "drop"
    assert shown(g, "drop")["hits"] > hits["drop"] and shown(g, "own")["hits"] > hits["own"]
    write(paths[1], lines(OTHER, *filler(MANY)))
    g.log.wait(r"feed drop: 3 entries from .*drop.2 are in force now", 10, start)
    assert fates(lab.out, [SOURCE, OTHER, HONEST]) == {SOURCE: "silent", OTHER: "refused", HONEST: "silent"}
    assert shown(g, "own")["hits"] > hits["own"] > 0 and g.why(HONEST)["feed"] == "drop"
    # Another file of another size, while nobody looked.
    g.stop()
    write(paths[1] + ".2", lines(OTHER))
    g.configure(feeds=[feed(paths[0] + ".2"), {**feeds[1], "file": paths[1] + ".2"}])
    g.start()
    assert loaded(g, "own")["entries"] in (1, MANY + 1)
    until(lambda: shown(g, "own")["entries"] == 1, 10, "the other file is taken")


def test_a_file_system_that_does_not_answer_stops_nothing(lab, gate, sink, folder):
    path, hung = os.path.join(folder, "drop"), os.path.join(folder, "hung")
    write(path, lines(SOURCE))
    os.mkdir(hung, 0o755)
    there = HungFileSystem(hung)
    try:
        g = gate(mode="enforce", feeds=[{"name": "far", "file": os.path.join(hung, "list")}, feed(path)])
        there.wait_asked()
        # The heart goes on to beat, an order is heard, and another file takes the place of the one nobody can open.
        assert g.row("show status")["controller"]
        # Nor does the terminal of who looks at its path hang with it.
        check = g.host.start(*g.words("config", "check"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        there.wait_asked()
        check.send_signal(signal.SIGINT)
        check.communicate(timeout=5)
        assert check.returncode == 128 + signal.SIGINT
        g.configure(feeds=[feed(path)])
        g("reload")
        assert loaded(g)["entries"] == 1
        assert fate(lab.out, SOURCE) == "silent"
    finally:
        there.close()
    start = len(g.log.lines)
    g.configure(feeds=[feed(path), {"name": "far", "file": os.path.join(hung, "list")}])
    g("reload")
    g.log.wait("feed far: .* is not there yet", 10, start)
    until(lambda: watched(g) == 2, 10, "both directories are watched")
    g.configure(feeds=[feed(path)])
    g("reload")
    assert watched(g) == 1
