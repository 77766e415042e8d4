-- Messages that were announced lately, for a process that may have missed it.
create table announced (
    message_id bytea primary key,
    at timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
create index announced_at on announced (at);

-- Parcels between processes that are too large for a notification. A crash of the database may lose them.
create unlogged table parcels (
    id uuid primary key,
    at timestamptz not null default now(),
    body bytea not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- What tells the processes that share these tables from any others.
create table cluster (
    is_one boolean primary key default true check (is_one),
    id uuid not null default gen_random_uuid()
);
insert into cluster default values;
