# SPDX-License-Identifier: BSD-2-Clause
"""Crowds in their full size. The numbers are printed."""
import flood

SYNS = 1000000
STRANGERS = 20000


def test_a_million_forged_syns_sent_twice_keep_no_honest_stranger_out(run, lab, gate):
    flood.flood(run, lab, gate, SYNS, life_s=600)


def test_no_verdict_of_twenty_thousand_strangers_is_lost(run, lab, gate):
    flood.crowd(run, lab, gate, STRANGERS)
