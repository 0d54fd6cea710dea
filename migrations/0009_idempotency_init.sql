-- Idempotency. An answer is written in the transaction of the effect that it tells of: both are there, or neither.
--
-- That an effect is under way is not a row but an advisory lock of its transaction: it ends with the transaction, whatever
-- ends that, so there is nothing to clean up after a crash, and a twin learns of it without waiting on a connection.
-- class: expand

create table holdfast.idempotency_answers (
  scope        text not null,
  principal    text not null,
  key          text not null,
  fingerprint  bytea not null,
  status       smallint,
  headers      json,
  body         text,
  is_base64    boolean not null default false,
  created_at   timestamptz not null default now(),
  expires_at   timestamptz not null,
  primary key (scope, principal, key),
  check (length(scope) between 1 and 200 and length(principal) <= 200 and length(key) between 1 and 255)
);
create index idempotency_answers_expiry on holdfast.idempotency_answers (expires_at);
comment on table holdfast.idempotency_answers is 'What was answered under a key, to be answered again. Messages that were received have scope inbox, their source as principal, and no answer.';
comment on column holdfast.idempotency_answers.fingerprint is 'SHA-256 of what was asked for: another request under the same key is refused.';
comment on column holdfast.idempotency_answers.status is 'Of an HTTP answer; null: of a call, or of a message.';

-- 'busy': a transaction that is open has this key. 'done': what was answered. 'new': the key is the caller's until its
-- transaction ends. The look has a snapshot of its own, taken after the lock: what a twin committed before it let go is seen.
create function holdfast.idempotency_begin(
  p_scope text, p_principal text, p_key text,
  out state text, out fingerprint bytea, out status smallint, out headers json, out body text, out is_base64 boolean
)
language plpgsql as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended(p_scope || E'\x1f' || p_principal || E'\x1f' || p_key, 6868)) then
    state := 'busy';
    return;
  end if;
  select 'done', a.fingerprint, a.status, a.headers, a.body, a.is_base64 into state, fingerprint, status, headers, body, is_base64
    from holdfast.idempotency_answers a
   where a.scope = p_scope and a.principal = p_principal and a.key = p_key and a.expires_at > now();
  if not found then state := 'new'; end if;
end $$;

-- The last of the effect's transaction. Raises where an answer is there already: under a snapshot from before the twin's
-- commit the look above does not see it, and matching no row would let the effect be committed twice.
create function holdfast.idempotency_keep(
  p_scope text, p_principal text, p_key text, p_fingerprint bytea, p_ttl_ms float8,
  p_status smallint default null, p_headers json default null, p_body text default null, p_is_base64 boolean default false
) returns void
language plpgsql as $$
begin
  insert into holdfast.idempotency_answers as a (scope, principal, key, fingerprint, status, headers, body, is_base64, expires_at)
  values (p_scope, p_principal, p_key, p_fingerprint, p_status, p_headers, p_body, p_is_base64, now() + p_ttl_ms * interval '1 millisecond')
  on conflict (scope, principal, key) do update
    set fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, body = excluded.body,
        is_base64 = excluded.is_base64, created_at = excluded.created_at, expires_at = excluded.expires_at
    where a.expires_at <= excluded.created_at;
  if not found then
    raise exception 'key % of % has an answer already', left(p_key, 20), p_scope using errcode = 'HF011';
  end if;
end $$;

-- The inbox: whether this message is new. Part of the caller's transaction: the message counts as received exactly if that
-- commits. Raises HF012 where an open transaction is receiving it (try again), HF013 where another body came under its id.
-- For any language.
create function holdfast.receive_message(source text, id text, body text default null, keep interval default '30 days') returns boolean
language plpgsql as $$
#variable_conflict use_variable
declare
  v_fingerprint bytea := sha256(convert_to(coalesce(body, ''), 'UTF8'));
  v_seen record;
begin
  v_seen := holdfast.idempotency_begin('inbox', source, id);
  if v_seen.state = 'busy' then
    raise exception 'message % of % is being received by a transaction that is open', left(id, 60), source using errcode = 'HF012';
  end if;
  if v_seen.state = 'new' then
    perform holdfast.idempotency_keep('inbox', source, id, v_fingerprint, extract(epoch from keep) * 1000);
    return true;
  end if;
  if v_seen.fingerprint <> v_fingerprint then
    raise exception 'message % of % was received before with another body', left(id, 60), source using errcode = 'HF013';
  end if;
  return false;
end $$;
