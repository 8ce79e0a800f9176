# SPDX-License-Identifier: BSD-2-Clause
"""
What Prometheus reads: by command and at the controller's page, parsed by its own client library; and that whoever asks, however
slowly or wrongly, troubles neither the page nor the gate.
"""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from clients import attempt, close_all, fate
from gate import READY
from lab import RUN_DIR, TREE, until
from lists import BAD, judging, meet, zones_wait

SOURCE, FED = "203.0.113.77", "203.0.113.78"
PORT = 9125
AT = f"127.0.0.1:{PORT}"
# The page's own bounds (user/daemon/meter_child.c).
CLIENTS_MAX = 16
HEAD_WAIT_S, PART_WAIT_S = 2, 1


def samples(text):
    """{(name, labels): value}; the parser is Prometheus' own."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation and family.type in ("counter", "gauge"), family
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


def value(found, name, **labels):
    return found.get((name, frozenset(labels.items())))


def questions():
    """(PromQL, text with label names in it) of each panel and alert that we ship."""
    with open(os.path.join(TREE, "tools", "grafana", "postern.json"), encoding="utf-8") as file:
        for panel in json.load(file)["panels"]:
            for target in panel["targets"]:
                yield target["expr"], " ".join(re.findall(r"{{(.*?)}}", target.get("legendFormat", "")))
    with open(os.path.join(TREE, "tools", "prometheus", "postern.rules.yml"), encoding="utf-8") as file:
        for rule in file.read().split("- alert:")[1:]:
            yield re.search(r"expr: (.*)", rule)[1], " ".join(re.findall(r"{{ \$labels\.(\w+) }}", rule))


def labels_check(page):
    """What we ship asks for labels, and for values of them, that a page with all that there can be has."""
    added = {"instance": set(), "job": {"postern"}}
    has = {}
    for name, labels in page:
        for label, text in labels:
            has.setdefault(name, {}).setdefault(label, set()).add(text)
    for expr, shown in questions():
        seen = set(added)
        for name, selector in re.findall(r"\b(postern_\w+|up)(?:{(.*?)})?", expr):
            known = has.get(name, {}) | added
            seen |= set(known)
            for label, _, wanted in re.findall(r'(\w+)(=~|!~|!=|=)"(.*?)"', selector):
                assert label in known, f"{name} has no label {label}: {expr}"
                assert label == "instance" or set(wanted.split("|")) <= known[label], f"{wanted} of {label}: {expr}"
        grouped = {label for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", expr) for label in group.split(", ")}
        assert grouped <= seen, expr
        aggregated = re.search(r"\b(?:sum|min|max) by \(([^)]*)\)", expr)
        left = set(aggregated[1].split(", ")) if aggregated else seen
        assert set(shown.split()) <= left, f"{shown} is not left of {expr}"


@contextlib.contextmanager
def connection(host, address=AT):
    """To the page, in the host's namespace."""
    with host.inside():
        if address.startswith("/"):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(address)
        else:
            name, port = address.rsplit(":", 1)
            sock = socket.create_connection((name.strip("[]"), int(port)))
    sock.settimeout(10)
    try:
        yield sock
    finally:
        sock.close()


def ask(host, method="GET", path="/metrics", address=AT):
    with connection(host, address) as sock:
        client = http.client.HTTPConnection("localhost")
        client.sock = sock
        client.request(method, path)
        answer = client.getresponse()
        body = answer.read().decode()
        assert method == "HEAD" or int(answer.headers["Content-Length"]) == len(body)
        return answer, body


def say(host, text, more=()):
    """The whole answer to raw bytes."""
    with connection(host) as sock:
        sock.sendall(text)
        for part in more:
            sock.sendall(part)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
        return answer


def test_the_command_and_the_page_tell_the_same(lab, gate, lists, sink):
    path = os.path.join(lab.run.folder, "feed.txt")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{FED}\n203.0.113.128/25\n")
    g = judging(gate, ["bl.example*3", "wl.example=127.0.[0..255].[1..3]*-2"], metrics=AT,
                feeds=[{"name": "drop", "file": path, "action": "refuse"}])
    meet(g, lab.out, BAD)
    zones_wait(g, lambda rows: rows["bl.example"]["asked"] and rows["bl.example"]["listed"])
    g(f"block {SOURCE} with refuse")
    assert fate(lab.out, SOURCE) == "refused"
    until(lambda: fate(lab.out, FED) == "refused", 5, "the feed is loaded")
    held = [attempt(lab.out, "198.51.100.9", greet=True, wait_s=3)]
    # Tables are counted each second, and what the children say reaches the run directory in as long.
    page = until(lambda: (lambda p: p if value(p, "postern_table_entries", table="rates") is not None else None)(
        samples(ask(lab.mail)[1])), 10, "a page with tables")
    told = until(lambda: (lambda t: t if value(t, "postern_child_up", child="responder") == 1 else None)(
        samples(g("metrics").stdout)), 10, "what the controller has told")
    # The same samples, but for those that another second changes.
    assert set(page) == set(told)
    for name, labels, wanted in [
            ("postern_packets_total", {"reason": "rule", "class": "mx"}, 1),
            ("postern_open_connections", {}, 1),
            ("postern_enforcing", {}, 1),
            ("postern_controller_up", {}, 1),
            ("postern_gate_loaded", {}, 1),
            ("postern_interface_guarded", {"interface": "mx0", "mode": "native"}, 1),
            ("postern_table_entries", {"table": "rules"}, 1),
            ("postern_table_limit", {"table": "listed"}, 65536),
            ("postern_child_up", {"child": "resolver"}, 1),
            ("postern_child_up", {"child": "meter"}, 1),
            ("postern_zone_state", {"zone": "bl.example", "state": "good"}, 1),
            ("postern_zone_state", {"zone": "bl.example", "state": "suspended"}, 0),
            ("postern_config_last_reload_successful", {}, 1),
            ("postern_bans", {}, 0)]:
        assert value(page, name, **labels) == value(told, name, **labels) == wanted, (name, labels)
    assert value(page, "postern_bytes_total", reason="rule", **{"class": "mx"}) > 40
    assert value(page, "postern_zone_listed_total", zone="bl.example") >= 1
    assert value(page, "postern_feed_entries", feed="drop") == 2 and value(page, "postern_feed_hits_total", feed="drop") >= 1
    assert abs(value(page, "postern_feed_loaded_timestamp_seconds", feed="drop") - time.time()) < 60
    assert abs(value(page, "postern_controller_start_timestamp_seconds") - time.time()) < 60
    # No address is a label, and JSON has the same samples.
    assert not any(SOURCE in v or BAD in v for _, labels in page for _, v in labels)
    rows = {(r["metric"], frozenset(r["labels"].items())) for r in g.rows("metrics")}
    assert rows == set(told)
    close_all(held)
    labels_check(page)


def test_reloads_and_the_mode_are_measured(lab, gate):
    g = gate(metrics=AT)

    def now():
        return samples(ask(lab.mail)[1])

    first = now()
    assert value(first, "postern_enforcing") == 0 and value(first, "postern_config_last_reload_successful") == 1
    before = value(first, "postern_config_last_reload_success_timestamp_seconds")
    g("enforce for 1h")
    g.configure_text("mode = 7;\n")
    g.controller.send_signal(signal.SIGHUP)
    failed = until(lambda: (lambda s: s if value(s, "postern_config_last_reload_successful") == 0 else None)(now()),
                   5, "a reload that failed")
    assert value(failed, "postern_enforcing") == 1
    assert 3500 < value(failed, "postern_enforcing_until_timestamp_seconds") - time.time() < 3700
    assert value(failed, "postern_config_reloads_total", result="failed") == 1
    # Another place is taken without a restart, and the old one is given up.
    path = os.path.join(RUN_DIR, g.instance, "metrics.sock")
    g.configure(metrics=path)
    g("reload")
    said = until(lambda: (lambda s: s if value(s, "postern_config_last_reload_successful") == 1 else None)(
        samples(ask(lab.mail, address=path)[1])), 5, "a reload that went well")
    assert value(said, "postern_config_last_reload_success_timestamp_seconds") >= before
    with pytest.raises(OSError):
        ask(lab.mail)
    # And a place that cannot be had leaves the one that is: there is none, somebody listens there, something else is there.
    events = os.path.join(RUN_DIR, g.instance, "events")
    for place, why in ("/nowhere/metrics.sock", "No such file"), (events, "in use"), (g.config_path, "something else"):
        g.configure(metrics=place)
        g("reload")
        g.log.wait(rf"cannot listen for those who read metrics at {place}: .*{why}.*go on being given at")
    assert ask(lab.mail, address=path)[0].status == 200
    g.stop()
    assert not os.path.exists(path)


def test_without_a_controller_the_kernel_is_still_measured(lab, gate):
    g = gate(start=None)
    found = samples(g("metrics").stdout)
    assert value(found, "postern_gate_loaded") == 0 and value(found, "postern_controller_up") == 0
    g.start()
    g("block 203.0.113.0/24")
    assert fate(lab.out, SOURCE, wait_s=0.1) == "silent"
    g.kill()
    found = samples(g("metrics").stdout)
    assert value(found, "postern_gate_loaded") == 1 and value(found, "postern_controller_up") == 0
    assert value(found, "postern_packets_total", reason="block", **{"class": "mx"}) >= 1
    assert value(found, "postern_table_entries", table="blocks") == 1
    assert not any(name == "postern_child_up" for name, _ in found)


@pytest.mark.parametrize("place", ["0.0.0.0:9125", "192.0.2.25:9125", "[::]:9125", "localhost:9125", "127.0.0.1:25"])
def test_a_place_that_others_could_reach_is_refused_with_its_line(gate, place):
    g = gate(start=None)
    g.configure(metrics=place)
    line = 1 + [i for i, text in enumerate(open(g.config_path, encoding="ascii")) if text.startswith("metrics")][0]
    done = g.cli("config", "check", g.config_path, status=1)
    assert f"{g.config_path}:{line}: metrics: " in done.stdout + done.stderr


def test_only_the_page_is_given_and_only_to_what_is_http(lab, gate):
    gate(metrics="[::1]:9125")
    at = "[::1]:9125"
    assert ask(lab.mail, address=at)[0].headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    head, body = ask(lab.mail, "HEAD", address=at)
    assert head.status == 200 and int(head.headers["Content-Length"]) > 1000 and not body
    assert ask(lab.mail, path="/", address=at)[0].status == 404
    answer = ask(lab.mail, "DELETE", address=at)[0]
    assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD"
    done = lab.mail.run("curl", "-sS", "--fail", f"http://{at}/metrics") if os.path.exists("/usr/bin/curl") else None
    assert done is None or value(samples(done.stdout), "postern_gate_loaded") == 1


def test_who_asks_wrongly_or_slowly_troubles_nobody(lab, gate, sink):
    g = gate(metrics=AT)
    g.log.wait(r"the meter is ready")
    child = g.child("meter")
    assert say(lab.mail, b"EHLO you\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert say(lab.mail, b"\x16\x03\x01" + b"\x00" * 5000).startswith(b"HTTP/1.1 431 ")
    assert say(lab.mail, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", [b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"] * 9
               ).count(b"HTTP/1.1 200") == 1, "one request a connection, and what comes behind it costs no answer"
    byte_by_byte = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
    assert say(lab.mail, byte_by_byte[:1], [byte_by_byte[i:i + 1] for i in range(1, len(byte_by_byte))]
               ).startswith(b"HTTP/1.1 200")
    with contextlib.ExitStack() as stack:
        # All places are taken by those who say nothing, and by some who ask and never read.
        start = time.monotonic()
        mute = [stack.enter_context(connection(lab.mail)) for _ in range(CLIENTS_MAX - 2)]
        for _ in range(2):
            stack.enter_context(connection(lab.mail)).sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        # One more waits until the first are told that they took too long, no longer.
        assert ask(lab.mail)[0].status == 200
        assert time.monotonic() - start < 4 * (HEAD_WAIT_S + PART_WAIT_S)
        assert mute[0].recv(4096).startswith(b"HTTP/1.1 408 ")
        # The gate has not waited for any of them.
        assert fate(lab.out, SOURCE) == "open"
        assert g.row("show status")["alive"]
    assert g.child("meter") == child, "the same child has borne it all"


def test_a_child_that_dies_is_started_again_and_holds_nothing(lab, gate):
    g = gate(metrics=AT)
    g.log.wait(r"the meter is ready")
    pid = g.child("meter")
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" and "0" not in status["Uid"].split()
    g.child_kill("meter")
    # The socket is the keeper's: whoever connects meanwhile waits, and is served.
    found = samples(ask(lab.mail)[1])
    assert value(found, "postern_child_deaths_total", child="meter") == 1
    assert g.child("meter") != pid


def test_a_port_that_is_taken_is_said_and_mail_is_guarded_all_the_same(lab, gate, sink):
    with lab.mail.inside():
        other = socket.create_server(("127.0.0.1", PORT))
    g = gate(metrics=AT, start=READY)
    g.log.wait(rf"cannot listen for those who read metrics at {AT}: Address already in use; no metrics are given")
    assert fate(lab.out, SOURCE) == "open"
    other.close()


def test_the_dashboard_and_the_alerts_ask_for_what_there_is(gate):
    g = gate(start=None)
    known = set(re.findall(r"^# TYPE (\S+)", g("metrics").stdout, re.MULTILINE))
    with open(os.path.join(TREE, "tools", "grafana", "postern.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    asked = {name for panel in dashboard["panels"] for target in panel["targets"]
             for name in re.findall(r"\bpostern_\w+", target["expr"])}
    # Whoever adds a family says where it is seen; the time of the last reload is for alerts.
    assert asked <= known, asked - known
    unseen = known - asked - {"postern_controller_start_timestamp_seconds", "postern_enforcing_until_timestamp_seconds",
                              "postern_child_up", "postern_config_last_reload_successful",
                              "postern_config_last_reload_success_timestamp_seconds"}
    assert not unseen, f"on no panel: {unseen}"
    places = [(p["gridPos"]["x"] + dx, p["gridPos"]["y"] + dy) for p in dashboard["panels"]
              for dx in range(p["gridPos"]["w"]) for dy in range(p["gridPos"]["h"])]
    assert len(places) == len(set(places)) and max(x for x, _ in places) < 24, "panels lie side by side"
    with open(os.path.join(TREE, "tools", "prometheus", "postern.rules.yml"), encoding="utf-8") as file:
        rules = file.read()
    asked = set(re.findall(r"\bpostern_\w+", "\n".join(re.findall(r"expr: (.*)", rules))))
    assert asked and asked <= known, asked - known
    assert rules.count("- alert:") == rules.count("expr:") == rules.count("summary:")
