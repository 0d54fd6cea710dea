"""What a program in another language does with holdfast's jobs, for any-language.test.ts. The functions come from docs/jobs.md."""

import pathlib
import re
import sys

import psycopg

page = pathlib.Path(__file__).parents[2] / "docs" / "jobs.md"
documented: dict = {}
for block in re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.M | re.S):
    exec(compile(block, str(page), "exec"), documented)


def tell(*words):
    print(*words, flush=True)


def place(url, event):
    """Sends in the transaction of a write."""
    tell("placed", documented["place_order"](url, int(event)))


def place_and_fail(url, event):
    """The same, and the transaction is rolled back."""
    try:
        with psycopg.connect(url) as conn:
            documented["insert_order"](conn, int(event))
            raise RuntimeError("after the send")
    except RuntimeError:
        tell("rolled back")


def work(url):
    """One look, as a worker's loop repeats it."""
    tell("claimed", documented["run_receipts"](url))


def work_in_one(url):
    """Claim, write and completion are one transaction."""
    with psycopg.connect(url) as conn:
        for job, payload, claim in conn.execute("select id, payload, claim from holdfast.claim_jobs('receipt', 1)").fetchall():
            documented["write_receipt"](conn, payload)
            conn.execute("select holdfast.complete_jobs(%s, %s)", [claim, [job]])
            tell("completed", job)


def hold(url, lease):
    """Claims, and writes and completes only when told to. Whoever kills it does so in between."""
    with psycopg.connect(url, autocommit=True) as conn:
        query = "select id, payload, claim from holdfast.claim_jobs('receipt', 10, %s)"
        [(job, payload, claim)] = conn.execute(query, [lease]).fetchall()
        tell("holds", job)
        sys.stdin.readline()
        try:
            with conn.transaction():
                documented["write_receipt"](conn, payload)
                conn.execute("select holdfast.complete_jobs(%s, %s)", [claim, [job]])
            tell("completed", job)
        except psycopg.Error as error:
            tell("refused", error.sqlstate, error)


if __name__ == "__main__":
    commands = {f.__name__: f for f in (place, place_and_fail, work, work_in_one, hold)}
    commands[sys.argv[1]](*sys.argv[2:])
