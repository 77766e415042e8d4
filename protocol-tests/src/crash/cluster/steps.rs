//! The steps at which nodes are killed; an empty name is a random moment.

/// Those that an upload passes on its way to its message, or to its end.
pub(super) const OF_UPLOADS: &[&str] = &[
    "create.recorded",
    "append.recorded",
    "",
    "part.put",
    "part.recorded",
    "join.copied",
    "join.recorded",
    "finalize.claimed",
    "",
    "object.made",
    "object.sealed",
    "object.placed",
    "recover.found",
    "finalize.placed",
    "recover.driven",
    "finalize.committed",
    "",
    "publish.announced",
    "publish.cleared",
    "remove.recorded",
    "remove.freed",
    "garbage.freed",
    "garbage.collected",
    "reject.recorded",
    "",
];

/// Those of a sweep, and of what it leaves to be freed.
pub(super) const OF_SWEEPS: &[&str] = &[
    "sweep.found",
    "expire.recorded",
    "garbage.freed",
    "sweep.freed",
    "sweep.ended",
    "",
    "garbage.collected",
    "append.recorded",
    "",
];

/// What brings about a step that comes rarely at a chosen node, in the words of the database: garbage is due,
/// or no node has the duty any more, and the first one that asks for it takes it over.
pub(super) fn brings(step: &str) -> Option<&'static str> {
    let (kind, _) = step.split_once('.')?;
    match kind {
        "garbage" => Some("update garbage set due = clock_timestamp()"),
        "sweep" | "expire" => Some("delete from duties where duty = 'sweep'"),
        "recover" => Some("delete from duties where duty = 'recover'"),
        _ => None,
    }
}
