# SPDX-License-Identifier: BSD-2-Clause
"""
Prometheus' own tool on what we give it: it finds no fault with the page, every question of the dashboard parses, and each alert fires
when it should and no earlier. Here, and not among the quick tests, for the size of its package.
"""
import json
import os
import re
import subprocess

from lab import TREE
from lists import BAD, judging, meet, zones_wait
from machine import unpacked

PROMTOOL = os.path.join(unpacked(), "prometheus", "usr", "bin", "promtool")
RULES = os.path.join(TREE, "tools", "prometheus", "postern.rules.yml")

# A sample each minute, for five hours. Where all is well the host is called "well", else after what is wrong with it.
AT = "5h"
SERIES = """
up{job="postern", instance="well"} 1x300
up{job="other", instance="well"} 0x300
up{job="postern", instance="gone"} 0x300
postern_controller_up{instance="well"} 1x300
postern_controller_up{instance="alone"} 0x300
postern_gate_loaded{instance="well"} 1x300
postern_interface_guarded{instance="well", interface="eth0", mode="native"} 1x300
postern_interface_guarded{instance="well", interface="gone0", mode="native"} 0x300
postern_gate_loaded{instance="unloaded"} 0x300
postern_gate_loaded{instance="detached"} 1x300
postern_interface_guarded{instance="detached", interface="eth0", mode="native"} 0x300
postern_enforcing_until_timestamp_seconds{instance="well"} 90000x300
postern_enforcing_until_timestamp_seconds{instance="trial"} 19000x300
postern_zone_state{instance="well", zone="a.example", state="good"} 1x300
postern_zone_state{instance="well", zone="b.example", state="good"} 1x280 0x20
postern_zone_state{instance="well", zone="c.example", state="good"} 0x300
postern_zone_over_budget_total{instance="well", zone="a.example"} 9x300
postern_zone_over_budget_total{instance="well", zone="b.example"} 9x280 10x20
postern_table_entries{instance="well", table="rules"} 900x300
postern_table_limit{instance="well", table="rules"} 1000x300
postern_table_entries{instance="well", table="blocks"} 901x300
postern_table_limit{instance="well", table="blocks"} 1000x300
postern_table_entries{instance="well", table="rates"} 1000x300
postern_table_limit{instance="well", table="rates"} 1000x300
postern_child_deaths_total{instance="well", child="meter"} 0x280 1x20
postern_child_deaths_total{instance="well", child="resolver"} 0x270 1 2 3 4 5 5x25
postern_config_last_reload_successful{instance="well"} 1x300
postern_config_last_reload_successful{instance="misconfigured"} 0x300
postern_faults_total{instance="well", fault="event_lost"} 0+9x300
postern_faults_total{instance="well", fault="open_full"} 0x290 3x10
postern_faults_total{instance="well", fault="rate_full"} 3x300
postern_mail_log_followed{instance="well"} 1x300
postern_mail_log_followed{instance="deaf"} 0x300
postern_feed_loaded_timestamp_seconds{instance="well", feed="fresh"} 14400x300
postern_feed_loaded_timestamp_seconds{instance="well", feed="old"} -432000x300
postern_feed_held_back{instance="well", feed="fresh"} 0x300
postern_feed_held_back{instance="well", feed="odd"} 1x300
"""
FIRING = {
    "PosternAbsent": [{"job": "postern", "instance": "gone"}],
    "PosternControllerDown": [{"instance": "alone"}],
    "PosternUnguarded": [{"instance": "unloaded"}, {"instance": "detached"}],
    "PosternEnforcingEnds": [{"instance": "trial"}],
    "PosternZoneNotGood": [{"instance": "well", "zone": "c.example", "state": "good"}],
    "PosternZoneOverBudget": [{"instance": "well", "zone": "b.example"}],
    "PosternTableNearlyFull": [{"instance": "well", "table": "blocks"}],
    "PosternChildDies": [{"instance": "well", "child": "resolver"}],
    "PosternReloadFailed": [{"instance": "misconfigured"}],
    "PosternFaults": [{"instance": "well", "fault": "open_full"}],
    "PosternMailLogNotFollowed": [{"instance": "deaf"}],
    "PosternFeedOld": [{"instance": "well", "feed": "old"}, {"instance": "well", "feed": "odd"}],
}


def promtool(*words, given=None):
    done = subprocess.run([PROMTOOL, *words], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def alerts():
    """{name: (severity, {annotation: text})}"""
    with open(RULES, encoding="utf-8") as file:
        rules = file.read().split("- alert: ")[1:]
    return {rule.split()[0]: (re.search(r"severity: (\w+)", rule)[1],
                              dict(re.findall(r'(summary|description): "(.*)"', rule))) for rule in rules}


def filled(text, labels):
    return re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)


def test_the_page_has_no_fault(lab, gate, lists):
    g = judging(gate, ["bl.example*3", "wl.example=127.0.[0..255].[1..3]*-2"])
    meet(g, lab.out, BAD)
    zones_wait(g, lambda rows: rows["bl.example"]["asked"])
    page = g("metrics").stdout
    assert "postern_zone_queries_total{" in page
    assert promtool("check", "metrics", given=page) == ""


def test_the_dashboard_asks_in_promql(tmp_path):
    with open(os.path.join(TREE, "tools", "grafana", "postern.json"), encoding="utf-8") as file:
        exprs = [t["expr"] for panel in json.load(file)["panels"] for t in panel["targets"]]
    exprs = [e.replace("$__rate_interval", "5m").replace("$instance", ".*") for e in exprs]
    path = tmp_path / "dashboard.yml"
    # JSON is YAML.
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel:{i}", "expr": e} for i, e in enumerate(exprs)]}]}), encoding="utf-8")
    assert f"{len(exprs)} rules found" in promtool("check", "rules", str(path))


def test_alerts_fire_when_they_should(tmp_path):
    known = alerts()
    assert set(known) == set(FIRING)
    assert f"{len(known)} rules found" in promtool("check", "rules", RULES)
    series = [dict(zip(("series", "values"), re.match(r"(.*}) (.*)", line).groups())) for line in SERIES.strip().splitlines()]
    wanted = [{"alertname": name, "eval_time": AT, "exp_alerts": [
        {"exp_labels": {"severity": known[name][0], **labels},
         "exp_annotations": {key: filled(text, labels) for key, text in known[name][1].items()}}
        for labels in firing]} for name, firing in FIRING.items()]
    path = tmp_path / "alerts.yml"
    path.write_text(json.dumps({"rule_files": [RULES], "evaluation_interval": "1m", "tests": [
        {"interval": "1m", "input_series": series, "alert_rule_test": wanted}]}), encoding="utf-8")
    assert "SUCCESS" in promtool("test", "rules", str(path))
