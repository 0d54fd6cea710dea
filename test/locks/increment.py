"""Reads, thinks and writes under a lock, as a program in another language would."""
import sys
import time

import psycopg

url, turns = sys.argv[1], int(sys.argv[2])
done = 0
with psycopg.connect(url, autocommit=True) as connection:
    while done < turns:
        token, fence = connection.execute("select token, fence from holdfast.try_lock('counter')").fetchone()
        if token is None:
            time.sleep(0.001)
            continue
        value = connection.execute("select n from counter").fetchone()[0]
        with connection.transaction():
            connection.execute("select holdfast.locks_guard(%s, %s)", (token, fence))
            connection.execute("update counter set n = %s", (value + 1,))
        connection.execute("select holdfast.unlock(%s)", (token,))
        done += 1
print(done, flush=True)
