use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::process::Command;
use tus_lab::wait;

use super::service::Service;
use super::services::{ACCESS_KEY, SECRET_KEY, Services};
use super::target::Target;

/// The key with which every node signs the same links.
const LINK_KEY: &str = "a key that only the tests and their nodes know";

/// The object that says which database a bucket belongs to.
const MARKER: &str = "database";

/// Below what the objects are in their bucket.
const PREFIX: &str = "media";

/// What the nodes of a cluster share: a schema in PostgreSQL, a bucket, and Redis.
#[derive(Debug, Clone)]
pub struct Place {
    services: Arc<Services>,
    schema: String,
    bucket: PathBuf,
    database: String,
    redis: String,
    endpoint: SocketAddr,
}

impl Place {
    /// An empty place on these servers.
    ///
    /// # Panics
    /// When the servers are of another kind.
    #[must_use]
    pub fn on(services: &Arc<Services>) -> Self {
        static PLACES: AtomicU32 = AtomicU32::new(0);
        let name = format!("cluster-{}", PLACES.fetch_add(1, Ordering::Relaxed));
        let schema = name.replace('-', "_");
        let (Target::Tcp(endpoint), Target::Unix(redis)) = (services.s3.target(), services.redis.target())
        else {
            panic!("the S3 server has a port, and Redis a socket");
        };
        Self {
            database: address(&services.postgres().target().folder().display().to_string(), 5432, &schema),
            redis: format!("unix://{}", redis.display()),
            endpoint: *endpoint,
            bucket: services.bucket(&name),
            services: Arc::clone(services),
            schema,
        }
    }

    /// The same place, reached by these ports.
    #[must_use]
    pub fn by_way_of(self, postgres: SocketAddr, redis: SocketAddr, s3: SocketAddr) -> Self {
        let database = address(&postgres.ip().to_string(), postgres.port(), &self.schema);
        Self { database, redis: format!("redis://{redis}"), endpoint: s3, ..self }
    }

    /// The same place, whose database may as well be a standby: both are named in its address, the standby
    /// first.
    #[must_use]
    pub fn or_at(self, standby: &Service) -> Self {
        let (standby, port) = (standby.target().folder().display().to_string(), 5432);
        let database = self.database.replacen("host=", &format!("host={standby},"), 1);
        let database = database.replacen("port=", &format!("port={port},"), 1);
        Self { database: format!("{database} target_session_attrs=read-write"), ..self }
    }

    /// Gives a node's command what it needs to store here.
    pub fn settle(&self, command: &mut Command) {
        command.args(self.settings()).args(["--redis", &self.redis, "--trust-forwarded"]);
        command.envs(Self::CREDENTIALS).env("LONGHAUL_MEDIA_LINK_KEY", LINK_KEY);
    }

    /// The variables with which the server's commands reach the bucket.
    pub const CREDENTIALS: [(&str, &str); 3] = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_REGION", "us-east-1"),
    ];

    /// The settings that tell the server's commands of this place.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn settings(&self) -> Vec<String> {
        let bucket = self.bucket.file_name().expect("a bucket has a name").to_string_lossy();
        let bucket = format!("s3://{bucket}/{PREFIX}");
        let endpoint = format!("http://{}", self.endpoint);
        ["--database", &self.database, "--bucket", &bucket, "--s3-endpoint", &endpoint]
            .map(str::to_owned)
            .into()
    }

    /// Gives tusd's command what it needs to store here.
    ///
    /// # Panics
    /// Never.
    pub fn settle_tusd(&self, command: &mut Command) {
        let bucket = self.bucket.file_name().expect("a bucket has a name");
        command.arg("-s3-bucket").arg(bucket).arg("-s3-endpoint").arg(format!("http://{}", self.endpoint));
        command.envs(Self::CREDENTIALS);
    }

    /// What PostgreSQL answers to these statements in the cluster's schema, a line for each row.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn rows(&self, sql: &str) -> Vec<String> {
        self.services.ask(&self.schema, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Has PostgreSQL do this, if it is there.
    ///
    /// # Panics
    /// Never.
    pub async fn has_done(&self, sql: &'static str) {
        let (services, schema) = (Arc::clone(&self.services), self.schema.clone());
        let asked = tokio::task::spawn_blocking(move || _ = services.ask(&schema, sql));
        asked.await.expect("a statement is asked for");
    }

    /// The keys of the objects in the bucket, as rows have them.
    #[must_use]
    pub fn objects(&self) -> BTreeSet<String> {
        files(&self.bucket.join(PREFIX)).into_iter().collect()
    }

    /// The multipart uploads in the bucket that were neither completed nor aborted, as the server's folders
    /// of their parts.
    #[must_use]
    pub fn multipart_uploads(&self) -> BTreeSet<String> {
        let objects = folders(&self.bucket.join(".sgwtmp/multipart"));
        let uploads = objects.iter().filter(|object| has_name(object)).flat_map(|object| folders(object));
        uploads.map(|upload| name_below(&self.bucket, &upload)).collect()
    }

    /// The multipart uploads of which two parts, neither of them the last, are of different sizes, or the
    /// last one is larger than the others: some object stores refuse those.
    #[must_use]
    pub fn unequal_parts(&self) -> Vec<String> {
        let uploads = self.multipart_uploads().into_iter();
        uploads.filter_map(|upload| unequal(&upload, &sizes_of_parts(&self.bucket.join(&upload)))).collect()
    }

    /// Has the object store forget the multipart upload that the bytes of this upload are in, and its parts.
    ///
    /// # Panics
    /// When it has none.
    pub fn forgets_parts_of(&self, upload: &str) {
        let sql = format!("select multipart_id from stored where upload = '{upload}'");
        let id = self.rows(&sql).into_iter().next().expect("the upload has bytes");
        let known = self.multipart_uploads();
        let folder = known.iter().find(|path| path.ends_with(&id)).expect("its parts are there");
        // In one step, as parts may be on their way.
        let aside = self.bucket.join(".sgwtmp").join(format!("forgotten-{id}"));
        fs::rename(self.bucket.join(folder), &aside).expect("a folder of ours can be moved");
        fs::remove_dir_all(aside).expect("a folder of ours can be removed");
    }

    /// Makes the objects and the multipart uploads that no row names as old as if they had been put, or
    /// begun, two hours ago. A kill of a node right after the beginning of a multipart upload leaves one, and
    /// a crash of the database may forget the row that named an object; no server touches what may still get
    /// its row.
    ///
    /// # Panics
    /// When something in the bucket cannot be changed.
    pub fn age_what_no_row_names(&self) {
        let old = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
        let objects = self.unnamed_objects().into_iter().map(|key| format!("{PREFIX}/{key}"));
        for path in self.unnamed_uploads().into_iter().chain(objects) {
            // What a server has removed meanwhile needs no age.
            if let Ok(opened) = File::open(self.bucket.join(path)) {
                opened.set_modified(old).expect("what is in the bucket can be changed");
            }
        }
    }

    /// Waits until nothing is in the bucket that no row names. What is to go is due at once, and again at
    /// once.
    ///
    /// # Panics
    /// When something stays.
    pub async fn is_tidy(&self) {
        let end = Instant::now() + 2 * wait::BOUND;
        loop {
            let left_over = self.left_over();
            if left_over.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "left over in the bucket: {left_over:?}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// What is in the bucket and in no row, and what is to go from there, which is made due.
    fn left_over(&self) -> Vec<String> {
        let waiting = self.rows("update garbage set due = clock_timestamp() returning object_key");
        let waiting = waiting.into_iter().map(|key| format!("garbage: {key}"));
        waiting.chain(self.unnamed_objects()).chain(self.unnamed_uploads()).collect()
    }

    /// The objects that no row of an upload's bytes or of a message's file names.
    fn unnamed_objects(&self) -> Vec<String> {
        let named = self.rows("select object_key from stored union select object_key from files");
        self.objects().into_iter().filter(|key| !named.contains(key) && key != MARKER).collect()
    }

    /// The multipart uploads that no row of an upload's bytes names.
    fn unnamed_uploads(&self) -> Vec<String> {
        let begun = self.rows("select multipart_id from stored where multipart_id is not null");
        let is_named = |path: &String| begun.iter().any(|id| path.ends_with(id.as_str()));
        self.multipart_uploads().into_iter().filter(|path| !is_named(path)).collect()
    }
}

/// The sizes of the parts in a folder of a multipart upload, by their numbers.
fn sizes_of_parts(folder: &Path) -> BTreeMap<u32, u64> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let parts = entries.filter_map(|entry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        // A part that goes meanwhile is none.
        Some((number, entry.metadata().ok()?.len()))
    });
    parts.collect()
}

/// What is wrong with the sizes of an upload's parts, if anything is.
fn unequal(upload: &str, sizes: &BTreeMap<u32, u64>) -> Option<String> {
    let mut others = sizes.values().rev();
    let last = others.next()?;
    let first = sizes.values().next()?;
    let are_equal = others.all(|size| size == first) && last <= first;
    (!are_equal).then(|| format!("{upload} has parts of these sizes: {sizes:?}"))
}

fn address(host: &str, port: u16, schema: &str) -> String {
    format!(
        "host={host} port={port} user=postgres dbname=postgres sslmode=disable options='-c search_path={schema}'"
    )
}

/// The files below a folder, by their paths in it.
fn files(folder: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                found.push(name_below(root, &path));
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found
}

/// Whether the folder of an object's multipart uploads has the object's name. A part that lands when the last
/// of them is gone makes the folder anew, without: then the server lists nothing of it, and aborts nothing.
fn has_name(object: &Path) -> bool {
    rustix::fs::getxattr(object, "user.objname", &mut [0_u8; 2048]).is_ok()
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn name_below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).expect("it is below").to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_but_the_last_are_of_one_size() {
        for (sizes, are_equal) in [
            (&[][..], true),
            (&[(1, 7)], true),
            (&[(1, 8), (2, 7)], true),
            (&[(1, 8), (2, 8), (3, 8)], true),
            (&[(2, 8), (4, 1)], true),
            (&[(1, 7), (2, 8)], false),
            (&[(1, 8), (2, 7), (3, 8)], false),
            (&[(1, 8), (2, 7), (3, 1)], false),
        ] {
            let sizes: BTreeMap<u32, u64> = sizes.iter().copied().collect();
            assert_eq!(unequal("u", &sizes).is_none(), are_equal, "{sizes:?}");
        }
    }
}
