# SPDX-License-Identifier: BSD-2-Clause
"""
What a postmaster reads who mistypes, asks for half a verb, or is not root. Each sentence says what to do next; the exit statuses are
those of postern(8). Nothing of a gate is needed for it.
"""
import os
import subprocess

import pytest

from gate import BINARY

MISUSED = 2
NOBODY = 65534
# A sentence that is taken though it should not be must not change the rules of this host.
INSTANCE = f"words-{os.getpid()}"
SENTENCES = [
    ("", "a verb is missing (`postern help` lists them)"),
    ("blok 203.0.113.7", 'unknown verb "blok"; did you mean "block"?'),
    ("frobnicate", 'unknown verb "frobnicate" (`postern help` lists the verbs)'),
    ("import", '"import" is half a verb, of: import list, import postfix'),
    ("config", '"config" is half a verb, of: config check, config sample'),
    ("import everything", '"import" is half a verb, of: import list, import postfix'),
    ("feed laod", 'unknown verb "feed laod"; did you mean "feed load"?'),
    ("--jsn show status", 'unknown option "--jsn"; did you mean "--json"?'),
    ("doctor now", 'doctor: unexpected word "now" (usage: postern doctor)'),
    ("block 203.0.113.7 fro 2h", 'unexpected word "fro"; did you mean "for"?'),
    ("block 203.0.113.300", "'203.0.113.300' is not an IPv4 or IPv6 address"),
    ("block 203.0.113.7/33", "'203.0.113.7/33' has no valid length: 0 to 32 come after the '/'"),
    ("block 203.0.113.7 for 2hours", "'2hours' is not a time: write 90s, 10m, 2h or 7d"),
    ("block 203.0.113.7 origin dnsbl", "the name dnsbl is the gate's own: choose another"),
    ("block 203.0.113.7 origin a/b", '"origin" needs a name of letters, digits, - and _'),
    ("export list origin a/b", '"origin" needs a name of letters, digits, - and _'),
    # Nobody is refused by them, so nobody is told.
    ("trust 203.0.113.7 saying hello", 'trust: unexpected word "saying"'),
    ("allow 203.0.113.7 saying hello", 'allow: unexpected word "saying"'),
    ("show rulez", 'did you mean "rules"?'),
    ("help frobnicate", 'there is no verb "frobnicate" (`postern help` lists them)'),
    ("help blok", 'there is no verb "blok"; did you mean "block"?'),
    ("help config chek", 'there is no verb "config chek"; did you mean "config check"?'),
]


@pytest.fixture(scope="module", autouse=True)
def nothing_left():
    yield
    assert not os.path.exists(f"/var/lib/postern/{INSTANCE}")


def postern(*words, **options):
    return subprocess.run([BINARY, "--instance", INSTANCE, *words], capture_output="stdout" not in options, text=True, check=False, stdin=subprocess.DEVNULL,
                          **options)


@pytest.mark.parametrize("words, sentence", SENTENCES, ids=[words or "nothing" for words, _ in SENTENCES])
def test_who_mistypes_reads_what_was_meant(words, sentence):
    done = postern(*words.split())
    assert done.returncode == MISUSED and not done.stdout, done
    assert sentence in done.stderr and done.stderr.startswith("postern: ") and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("words, first", [("show rules", "postern show status|"), ("block anyway", "postern block PREFIX"),
                                          ("import", "postern import list"), ("config check", "postern config check")])
def test_help_explains_the_verb_of_a_longer_command(words, first):
    done = postern("help", *words.split())
    assert done.returncode == 0 and done.stdout.startswith(first), done


@pytest.mark.parametrize("words", ["help", "help --json", "config sample", "--json config sample", "metrics", "--json version"])
def test_what_cannot_be_written_is_a_fault(words):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = postern(*words.split(), stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1 and done.stderr == "postern: cannot write the output: No space left on device\n" or \
        done.stderr == '{"error":"cannot write the output: No space left on device","status":1}\n', done


def test_who_reads_no_further_is_told_nothing():
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", encoding="ascii") as gone:
        done = postern("config", "sample", stdout=gone, stderr=subprocess.PIPE)
    assert done.returncode == 1 and not done.stderr, done


@pytest.mark.parametrize("words", ["run", "show status", "block 203.0.113.7", "enforce", "watch", "metrics"])
def test_who_is_not_root_is_told(words):
    done = postern(*words.split(), user=NOBODY, group=NOBODY, extra_groups=[])
    assert done.returncode == 1 and "root" in done.stderr.splitlines()[-1], done
