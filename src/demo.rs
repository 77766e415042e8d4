//! Demo mode, in which a server without a key runs. It has two users and a conversation, for the page.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::auth::{MIN_SECRET_BYTES, mint_hs256};
use crate::message::{ConversationId, UserId};
use crate::time::Timestamp;

/// File of the secret, which outlives the process, so that a token outlives a restart.
const KEY_FILE: &str = "demo.key";
const TOKEN_SECS: u64 = 30 * 24 * 60 * 60;
const USERS: [&str; 2] = ["alice@example.com", "bob@example.com"];
const NAMES: [&str; 2] = ["Alice", "Bob"];
const CONVERSATION: &str = "507f1f77bcf86cd799439012";

/// A user of the demo.
#[derive(Debug)]
pub struct Person {
    /// The user id.
    pub id: UserId,
    /// The name that the other user sees.
    pub name: &'static str,
    /// The token that identifies the user.
    pub token: String,
}

/// The demo's secret and people.
#[derive(Debug)]
pub struct Demo {
    secret: String,
}

impl Demo {
    /// Reads the secret of a data folder, or makes one.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(data: &Path) -> io::Result<Self> {
        match Self::of(data) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                Self::make(&data.join(KEY_FILE))
            }
            opened => opened,
        }
    }

    /// The demo of a data folder that has one.
    ///
    /// # Errors
    /// What the operating system says, and a secret that is too short to be one.
    pub fn of(data: &Path) -> io::Result<Self> {
        let secret = fs::read_to_string(data.join(KEY_FILE))?.trim().to_owned();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its secret is too short"));
        }
        Ok(Self { secret })
    }

    fn make(path: &Path) -> io::Result<Self> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let secret = data_encoding::HEXLOWER.encode(&random);
        let mut file: File =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(secret.as_bytes())?;
        file.sync_all()?;
        Ok(Self { secret })
    }

    /// The secret of the demo's tokens.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The demo's users.
    pub fn users() -> Vec<UserId> {
        USERS.iter().map(|user| user.parse().expect("a user id")).collect()
    }

    /// The demo's conversation.
    pub fn conversation() -> ConversationId {
        CONVERSATION.parse().expect("24 hexadecimal digits")
    }

    /// The demo's people, with tokens made now.
    pub fn people(&self) -> Vec<Person> {
        let expires = Timestamp::now().plus_secs(TOKEN_SECS);
        Self::users()
            .into_iter()
            .zip(NAMES)
            .map(|(id, name)| Person { token: mint_hs256(&self.secret, &id, false, expires), id, name })
            .collect()
    }

    /// Instructions for a server at this address, with its path if it has one, and with this data folder.
    pub fn instructions(address: &str, data: &Path, has_page: bool) -> String {
        let page = format!("Open  http://{address}/  in a browser, and pull the plug.\n\n");
        let page = if has_page { page.as_str() } else { "" };
        let program = std::env::args().next().unwrap_or_else(|| "longhaul".to_owned());
        format!(
            "DEMO MODE: no key is configured, so anybody on this machine can use the tokens of {first} and {second}.

{page}A token for {first}:
  {program} token --user {first} --data-dir '{data}'
A walk through the API from a shell:
  SERVER=http://{address} examples/curl.sh
",
            first = USERS[0],
            second = USERS[1],
            data = data.display(),
        )
    }
}
