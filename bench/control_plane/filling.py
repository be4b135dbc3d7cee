"""Fills a database of PostgreSQL with sealed events of thirty days, made by the database itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import psycopg

from keeptrusts.store import partitions
from keeptrusts.store.engine import open_engine
from keeptrusts.store.migrating import migrate
from keeptrusts.store.transaction import Store

DAYS = 30
AT_ONCE = 50_000

# 60 gateways, 24 models, 12 configurations, 5,000 users; 5 of 100 are not allowed
_EVENTS = """
INSERT INTO events (org, id, xid, received_at, event_type, verdict, reason_code, gateway_id, instance_id, sequence,
    configuration_id, model, provider, user_id, agent_id, request_id, acted, body)
SELECT %(org)s,
    'evt_' || lpad(to_hex(ms), 12, '0') || substr(md5(ms || '.' || n), 1, 20),
    pg_current_xact_id()::text::bigint, to_timestamp(ms / 1000.0), 'decision', verdict,
    CASE verdict WHEN 'allowed' THEN 'all_policies_passed' WHEN 'blocked' THEN 'prompt_injection.detected'
        ELSE 'pii_detector.found' END,
    'gw_' || (n %% 60), 'gwi_' || (n %% 120), n, 'cfg_' || (n %% 12), 'model-' || (least(h, h2) %% 24),
    'provider-' || (least(h, h2) %% 4), 'user-' || (h %% 5000), CASE WHEN h %% 10 = 0 THEN 'agent-' || (h2 %% 200) END,
    'req_' || n,
    CASE verdict WHEN 'allowed' THEN '|' ELSE '|pii-detector|' END,
    '{"content_digest":"sha256:' || md5(n::text) || md5(h::text) || '","event_type":"decision","filler":"'
        || repeat(md5(h::text), 16) || '","verdict":"' || verdict || '"}'
FROM (
    SELECT n, h, h2, %(start)s::bigint + (n::bigint * %(span)s / %(count)s) AS ms,
        CASE WHEN h %% 100 < 95 THEN 'allowed' WHEN h %% 100 < 98 THEN 'blocked' ELSE 'redacted' END AS verdict
    FROM (SELECT n, abs(hashint4(n)) AS h, abs(hashint4(n + 7919)) AS h2
          FROM generate_series(%(first)s::int, %(last)s::int) AS n) AS made
) AS rows
"""
_HOURS = """
INSERT INTO event_hours (org, hour, verdict, gateway_id, configuration_id, model, provider, count)
SELECT org, ('x' || substr(id, 5, 12))::bit(48)::bigint / 3600000, verdict, gateway_id, configuration_id, model,
    provider, count(*) FROM events GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_DAYS = """
INSERT INTO event_days (org, day, verdict, gateway_id, configuration_id, model, provider, count)
SELECT org, hour / 24, verdict, gateway_id, configuration_id, model, provider, sum(count) FROM event_hours
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_CHECKPOINT = """
INSERT INTO checkpoints (org, number, payload, key_id, signature, digest, entries, lowest_id, highest_id, last_xid,
    last_position, sealed_at, by_day)
SELECT %s, 1, %s, 'bench', '', 'sha256:bench', '', min(id), max(id), max(xid), max(position), now(), true FROM events
"""


def fill(url: str, org: str, rows: int) -> None:
    """`rows` events of this organisation over the last thirty days, counted by hour and day, and sealed."""
    store = Store(open_engine(url))
    migrate(store)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=DAYS - 1)
    with store.write() as tx:
        partitions.make(tx.connection, ((first + timedelta(days=number)).date() for number in range(DAYS)))
    store.close()
    now = datetime.now(UTC)
    given = {
        "org": org,
        "start": int(first.timestamp() * 1000),
        "span": int((now - first).total_seconds() * 1000),
        "count": rows,
    }
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for start in range(0, rows, AT_ONCE):
            last = min(start + AT_ONCE, rows) - 1
            connection.execute(_EVENTS, given | {"first": start, "last": last})
        connection.execute(_HOURS)
        connection.execute(_DAYS)
        said = json.dumps({"highest_id": "", "highest_id_before": ""})
        connection.execute(_CHECKPOINT, (org, said))
        connection.execute("VACUUM (ANALYZE) events, event_hours, event_days")
