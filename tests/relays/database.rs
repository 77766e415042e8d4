//! A PostgreSQL that is stopped and started again.

use std::process::Stdio;

use crate::postgres::{Server, as_its_user, programs};

impl Server {
    /// Stops the server in this way (`fast`, `immediate`).
    pub(crate) fn stop(&self, way: &str) {
        self.control(&["stop", "-w", "-m", way]);
    }

    /// Starts the server again after it was stopped.
    pub(crate) fn again(&self) {
        // pg_ctl would keep the options of the first start for a restart only.
        let options = format!("-k '{}' -h '' -c fsync=off -c max_connections=400", self.folder.display());
        self.control(&["start", "-w", "-o", &options]);
        self.wait();
    }

    fn control(&self, arguments: &[&str]) {
        let log = self.folder.join("log");
        let mut command = as_its_user(&programs().join("pg_ctl").display().to_string());
        command.args(arguments).arg("-D").arg(self.folder.join("data")).arg("-l").arg(log);
        let status = command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.expect("pg_ctl").success(), "{arguments:?}");
    }
}
