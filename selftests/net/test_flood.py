# SPDX-License-Identifier: BSD-2-Clause
"""The short forms of what selftests/soak does at length: a flood that nobody could look at, and a crowd that is looked at."""
import flood

SYNS = 30000
STRANGERS = 2000


def test_a_flood_of_forged_syns_keeps_no_honest_stranger_out(run, lab, gate):
    flood.flood(run, lab, gate, SYNS, life_s=30)


def test_no_verdict_of_a_crowd_is_lost(run, lab, gate):
    flood.crowd(run, lab, gate, STRANGERS)
