# SPDX-License-Identifier: BSD-2-Clause
"""Who has delivered mail, as the store of an instance has it."""
import sqlite3

from lab import until


def senders(g):
    """{address: messages}, as the store has them."""
    store = sqlite3.connect(f"file:{g.state}/{g.instance}/postern.db?mode=ro", uri=True)
    try:
        rows = store.execute("SELECT addr, messages FROM sender").fetchall()
    finally:
        store.close()
    mapped = bytes(10) + b"\xff\xff"
    return {(".".join(map(str, a[12:])) if a.startswith(mapped) else a.hex()): n for a, n in rows}


def wait_messages(g, wanted):
    until(lambda: sum(senders(g).values()) >= wanted, 10, f"{wanted} messages")
    assert sum(senders(g).values()) == wanted, senders(g)
