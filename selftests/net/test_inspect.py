# SPDX-License-Identifier: BSD-2-Clause
"""What a person sees who looks into the kernel with bpftool(8), and what the program says of itself."""
import json

from clients import attempt, close_all, knock
from gate import BINARY
from lab import bpftool_rows, command

TERMINAL_COLUMNS = 80
SOURCE = "203.0.113.7"


def dump(*which):
    return json.loads(command("bpftool", "-j", "map", "dump", *which).stdout)


def formatted(rows):
    """bpftool gives {"key": hex bytes, ..., "formatted": by BTF} or the formatted form alone."""
    return [row.get("formatted", row) for row in rows]


def mapped(address):
    return [0] * 10 + [255, 255] + [int(part) for part in address.split(".")]


def test_rules_are_readable(lab, gate):
    g = gate()
    g(f"block {SOURCE} with refuse for 2h")
    row = next(r for r in formatted(dump("pinned", g.map_path("pn_rule"))) if r["key"]["addr"] == mapped(SOURCE))
    assert row["key"]["bits"] == 128
    assert row["value"]["action"] == "PN_REFUSE"
    assert row["value"]["origin"] == "PN_ORIGIN_OPERATOR"
    assert row["value"]["expires"] > 0
    # By name, as one types it: ours is among those of that name (a dump of all may be another instance's million).
    named = bpftool_rows("map", "show", "name", "pn_rule")
    ids = [m["id"] for m in (named if isinstance(named, list) else [named])]
    own = next(i for i in g.ids()["map"] if i in ids)
    text = command("bpftool", "map", "dump", "id", str(own)).stdout
    assert '"action": "PN_REFUSE"' in text and '"addr": [0,0,0,0,0,0,0,0,0,0,255,255,203,0,113,7' in text


def test_allow_open_and_rates_are_readable(lab, gate, sink):
    g = gate(limits={"rate": "100/1d burst 100", "open": 50})
    held = [attempt(lab.out, SOURCE, greet=True) for _ in range(3)]
    own = formatted(dump("pinned", g.map_path("pn_allow")))
    assert any(r["key"]["addr"] == mapped("192.0.2.25") and r["value"]["action"] == "PN_ALLOW"
               and r["value"]["origin"] == "PN_ORIGIN_OWN" for r in own)
    count = next(r for r in formatted(dump("pinned", g.map_path("pn_open"))) if r["key"]["addr"] == mapped(SOURCE))
    assert count["value"]["open"] == 3
    assert any(r["key"]["addr"] == mapped(SOURCE) and r["value"]["arrival_ns"] > 0
               for r in formatted(dump("pinned", g.map_path("pn_rate"))))
    conf = formatted(dump("pinned", g.map_path("pn_conf")))[0]["value"]
    assert conf["open_max"] == 50 and conf["ports"][0]["port"] == 25
    tally = formatted(dump("pinned", g.map_path("pn_tally")))
    assert all({"packets", "bytes", "would"} == set(cpu["value"]) for row in tally for cpu in row["values"])
    close_all(held)


def test_programs_and_maps_bear_their_names(lab, gate):
    g = gate()
    ids = g.ids()
    programs = {p["id"]: p["name"] for p in bpftool_rows("prog", "show")}
    names = {programs[i] for i in ids["prog"]}
    assert {"pn_xdp", "pn_conn"} <= names
    assert all(name.startswith("pn_") for name in names), names
    maps = {m["id"]: m.get("name", "") for m in bpftool_rows("map", "show")}
    assert {"pn_allow", "pn_rule", "pn_block", "pn_rate", "pn_open", "pn_tally", "pn_conf", "pn_events"} <= {
        maps[i] for i in ids["map"]}
    shown = lab.mail.run("bpftool", "-j", "net", "show").stdout
    assert "mx0" in shown


def test_shows_have_the_promised_shapes(lab, gate, sink):
    g = gate(limits={"rate": "100/1d burst 100", "open": 50})
    g(f"block {SOURCE} for 2h because it spams")
    g("allow 198.51.100.0/24")
    held = [attempt(lab.out, "203.0.113.8", greet=True) for _ in range(2)]
    knock(lab.out, "2001:db8:9000::7", count=3, greet=True, then="rst")
    rules = g.rules()
    assert rules[SOURCE]["action"] == "drop" and rules[SOURCE]["because"] == "it spams"
    assert set(rules[SOURCE]) == {"prefix", "action", "origin", "because", "saying", "created", "expires"}
    assert rules[SOURCE]["expires"] > rules[SOURCE]["created"], "RFC 3339 sorts as text"
    assert rules["198.51.100.0/24"]["action"] == "allow" and rules["198.51.100.0/24"]["expires"] is None
    status = g.row("show status")
    assert {"mode", "interfaces", "rules", "sources", "open"} <= set(status)
    assert status["open"] == 2
    assert set(status["interfaces"][0]) >= {"name", "attach", "since"}
    assert {"source": "203.0.113.8", "open": 2} in g.rows("show open")
    rate = next(r for r in g.rows("show rates") if r["source"] == "2001:db8:9000::/64")
    assert (rate["used"], rate["limit"]) == (3, 100) and "free_at" in rate
    assert all(set(c) == {"packets", "bytes", "would"} for c in g.counters().values())
    assert {"rule", "block", "open", "rate", "clean", "allowed", "flow"} <= set(g.counters())
    keys = {r["key"]: r for r in g.rows("show config")}
    assert keys["limits.open"]["value"] == 50
    why = g.why(SOURCE)
    assert {"addr", "verdict", "reason", "would", "rule", "open", "rate", "mode"} <= set(why)
    assert why["rule"]["prefix"] == SOURCE
    assert g.why("203.0.113.9")["rule"] is None
    assert g.rows("doctor", status=None)
    for sentence in ("show status", "show rules", "show sources", "show rates", "show open", "show counters",
                     "show config", f"why {SOURCE}", "help", "version"):
        assert g(sentence).stderr == "", sentence
    close_all(held)


def test_help_fits_a_terminal():
    verbs = [json.loads(line)["verb"] for line in command(BINARY, "help", "--json").stdout.splitlines()]
    for page in ("", *verbs):
        wide = [line for line in command(BINARY, "help", *page.split()).stdout.splitlines() if len(line) > TERMINAL_COLUMNS]
        assert not wide, (page, wide)
    everything = command(BINARY, "help").stdout
    assert not [verb for verb in verbs if f"\n  {verb}" not in everything]


def test_forget_takes_back_what_was_measured(lab, gate, sink):
    g = gate(mode="enforce", limits={"rate": "2/1d burst 2", "open": 0})
    assert knock(lab.out, SOURCE, count=4, rate=50, greet=True, then="rst", wait_ms=300)["made"] == 2
    g(f"forget {SOURCE}")
    assert knock(lab.out, SOURCE, count=1, greet=True, then="rst")["made"] == 1
    g("forget 203.0.113.200", status=3)


def test_the_doctor_names_fast_open_where_servers_may_use_it(lab, gate):
    g = gate(start=None)

    def health():
        return next(row["status"] for row in g.rows("doctor", status=None) if row["check"] == "fast open")

    assert health() == "ok"
    lab.mail.sysctl(ipv4__tcp_fastopen=3)
    try:
        assert health() == "warn"
    finally:
        lab.mail.sysctl(ipv4__tcp_fastopen=1)
