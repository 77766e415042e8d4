-- Times are milliseconds since 1970, UTC. Lengths, offsets and epochs are unsigned: what is above 2^63 is stored
-- as the negative number with the same bits, so only `=` compares them, and sums go through `unsigned`.
-- Ids of messages and conversations are their twelve bytes, whose order is that of the ids.

create function unsigned(bigint) returns numeric language sql immutable strict as
    'select case when $1 < 0 then $1 + 18446744073709551616::numeric else $1::numeric end';

create table uploads (
    id uuid primary key,
    owner text not null,
    state smallint not null,
    -- What no statement needs: metadata, parts, the words of the message; as JSON, because text has no zero byte.
    record bytea not null,
    length bigint,
    off bigint not null,
    digest bytea,
    epoch bigint not null,
    -- The node that holds the upload; null if none does.
    node int,
    conversation bytea,
    client_message_id text,
    message_id bytea,
    stamp bigint,
    rejection text,
    created_at bigint not null,
    active_at bigint not null,
    -- What the listings are indexed by. A row of the ledger changes none of it, so it needs no index entry:
    -- `noticed_at` follows `active_at` once a minute.
    noticed_at bigint not null,
    committed_at bigint,
    is_driven boolean not null,
    can_expire boolean not null,
    keeps_room boolean not null,
    is_used boolean not null default false
) with (fillfactor = 75);
create index uploads_unfinished on uploads (owner, created_at, id) where state <> 3 and not is_used;
create index uploads_driven on uploads (id) where is_driven;
create index uploads_idle on uploads (state, noticed_at) where can_expire;
create index uploads_committed on uploads (committed_at, id) where committed_at is not null;

create table accounts (
    member text primary key,
    uploads bigint not null,
    bytes numeric(40) not null
) with (fillfactor = 75);

create table client_ids (
    sender text,
    conversation bytea,
    client_message_id text,
    upload uuid not null,
    -- From the claim on: then the id is held for ever, unless the bytes of the message turn out to be lost.
    message_id bytea,
    primary key (sender, conversation, client_message_id)
);

-- The latest stamp and the last position of each conversation.
create table clocks (
    conversation bytea primary key,
    latest_id bytea not null,
    latest_at bigint not null,
    position bytea
) with (fillfactor = 75);

create table messages (
    id bytea primary key,
    conversation bytea not null,
    position bytea not null,
    sender text not null,
    upload uuid not null,
    body bytea not null,
    unique (conversation, position)
);

create table outbox (
    message_id bytea primary key,
    committed_at bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create table conversations (
    id bytea primary key
);

create table participants (
    conversation bytea,
    member text,
    primary key (conversation, member)
);
create index participants_of on participants (member, conversation);

create sequence node_ids as int;

-- One row for each start of a process, whose number is never used again.
create table nodes (
    id int primary key,
    started timestamptz not null,
    beat timestamptz not null
) with (fillfactor = 50);

create table duties (
    duty text primary key,
    node int not null
);

-- The data folder of the files, where bytes are not in an object store.
create table folder (
    is_one boolean primary key default true check (is_one),
    id uuid not null
);

-- The records that these tables were filled from, or are being filled from, by their fingerprint.
create table moved_from (
    is_one boolean primary key default true check (is_one),
    folder bytea not null,
    is_done boolean not null default false
);
