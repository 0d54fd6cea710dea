"""Receives a message as a service in Python would: what it writes and the message commit together."""
import sys

import psycopg

url, source, message_id, body = sys.argv[1:]
with psycopg.connect(url) as connection:
    is_new = connection.execute("select holdfast.receive_message(%s, %s, %s)", (source, message_id, body)).fetchone()[0]
    if is_new:
        connection.execute("insert into booked values (%s)", (message_id,))
print("new" if is_new else "known", flush=True)
