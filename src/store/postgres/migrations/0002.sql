-- Bytes in an object store. Whole parts are there; the rest of an upload, its tail, is here until it is a part, or
-- until the upload is sealed.

-- The bytes of an upload that are no message's yet.
create table stored (
    upload uuid primary key,
    -- The latest epoch in which bytes were written. It only grows.
    epoch bigint not null,
    object_key text collate "C" not null,
    multipart_id text,
    -- When the object of parts was begun.
    begun_at timestamptz,
    part_size bigint not null,
    parts int not null default 0,
    -- The offset before which bytes are durable: at the ledger's end, or beyond it.
    kept bigint not null default 0,
    -- The length of the object, once it can be read.
    sealed_length bigint,
    written_at bigint not null
) with (fillfactor = 75);

create table upload_parts (
    upload uuid,
    idx int,
    content_id text not null,
    primary key (upload, idx)
);

-- Puts of parts that may be under way. The sum says which of them have the same bytes.
create table upload_intents (
    upload uuid,
    idx int,
    epoch bigint,
    sum bigint not null,
    at timestamptz not null default clock_timestamp(),
    primary key (upload, idx, epoch)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create table upload_tail (
    upload uuid,
    off bigint,
    bytes bytea not null,
    primary key (upload, off)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
alter table upload_tail alter column bytes set storage external;

-- The objects of messages.
create table files (
    message bytea primary key,
    upload uuid not null,
    -- In the order of its bytes, for the audit, which goes from folder to folder.
    object_key text collate "C" not null,
    length bigint not null
);
create index files_by_key on files (object_key);

-- What is to go from the object store, twice each: a put that was under way may land after the first time.
create table garbage (
    n bigint generated always as identity primary key,
    object_key text collate "C" not null,
    -- The object of parts that is to go.
    multipart_id text,
    -- Whether the object with the key is to go as well.
    has_object boolean not null,
    due timestamptz not null default clock_timestamp(),
    -- How often it was done; negative while a record may still come to need the object.
    rounds int not null default 0
);
create index garbage_due on garbage (due);
create index garbage_by_key on garbage (object_key);
