//! Standbys of PostgreSQL, which take its place when it is gone.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tus_lab::wait;

use super::service::Service;
use super::services::{Services, as_its_user, make_users_folder, postgres_on, run};

/// Whether every commit waits for a standby.
const IS_WAITED_FOR: &str =
    "select 1 from pg_stat_replication where state = 'streaming' and sync_state = 'sync'";

impl Services {
    /// A standby of the PostgreSQL that takes writes, for which every commit waits from now on.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn add_standby(&self) -> Arc<Service> {
        let primary = self.postgres();
        let name = format!("postgres-{}", self.standbys.fetch_add(1, Ordering::Relaxed) + 2);
        let own = self.folder.join(&name);
        make_users_folder(&own);
        let mut copy = as_its_user("pg_basebackup");
        copy.args(["-U", "postgres", "--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-h"]);
        run(copy.arg(primary.target().folder()).arg("-D").arg(own.join("data")));
        let standby = Arc::new(postgres_on(&name, &self.folder, self.fsync));
        standby.start();
        // Which one it is said to be does not matter: there is one.
        for sql in ["alter system set synchronous_standby_names = '*'", "select pg_reload_conf()"] {
            self.ask("public", sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        let end = Instant::now() + wait::BOUND;
        while !self.ask("public", IS_WAITED_FOR).is_ok_and(|rows| !rows.is_empty()) {
            assert!(Instant::now() < end, "the standby does not follow");
            std::thread::sleep(Duration::from_millis(20));
        }
        standby
    }

    /// Makes a standby the PostgreSQL that takes writes. The one before was killed.
    ///
    /// # Panics
    /// When it does not take its place.
    pub fn promote(&self, standby: &Arc<Service>) {
        run(control(standby.target().folder(), "promote").stdout(Stdio::null()));
        self.takes_writes(standby);
    }
}

/// What tells a server in this folder something, and waits until it has done it.
fn control(folder: &Path, what: &str) -> Command {
    let mut command = as_its_user("pg_ctl");
    command.arg(what).arg("-w").arg("-D").arg(folder.join("data"));
    command
}
