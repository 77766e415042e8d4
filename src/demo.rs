//! Demo mode: what the server is when no key is configured. Two users, a conversation, tokens to paste.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::auth::{MIN_SECRET_BYTES, mint_hs256};
use crate::message::{ConversationId, UserId};
use crate::time::Timestamp;

/// The secret outlives the process, so that a token outlives a restart.
const KEY_FILE: &str = "demo.key";
const TOKEN_SECS: u64 = 30 * 24 * 60 * 60;
const USERS: [&str; 2] = ["alice@example.com", "bob@example.com"];
const CONVERSATION: &str = "507f1f77bcf86cd799439012";

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
        let path = data.join(KEY_FILE);
        match fs::read_to_string(&path) {
            Ok(secret) if secret.trim().len() >= MIN_SECRET_BYTES => {
                Ok(Self { secret: secret.trim().to_owned() })
            }
            Ok(_) => Self::make(&path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(&path),
            Err(error) => Err(error),
        }
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

    /// What to paste, for a server at this address, and below a path if there is one.
    pub fn instructions(&self, address: &str) -> String {
        let expires = Timestamp::now().plus_secs(TOKEN_SECS);
        let users = Self::users();
        let [alice, bob] = [0, 1].map(|user| mint_hs256(&self.secret, &users[user], false, expires));
        format!(
            r#"DEMO MODE: no key is configured, so anybody on this machine can use the tokens below.
Users {first} and {second}, conversation {CONVERSATION}.

export TOKEN={alice}
export OTHER={bob}

A file in one piece:
  curl -H "Authorization: Bearer $TOKEN" -F file=@README.md -F conversation_id={CONVERSATION} \
    -F "content=Have a look" http://{address}/messages/upload

The same, resumable (tus 1.0.0):
  SIZE=$(wc -c < README.md)
  URL=$(curl -si -X POST -H "Authorization: Bearer $TOKEN" -H "Tus-Resumable: 1.0.0" \
    -H "Upload-Length: $((SIZE))" -H "Upload-Metadata: filename UkVBRE1FLm1k" \
    http://{address}/conversations/{CONVERSATION}/files | tr -d '\r' | sed -n 's/^location: //Ip')
  head -c 1000 README.md | curl -i -X PATCH -H "Authorization: Bearer $TOKEN" -H "Tus-Resumable: 1.0.0" \
    -H "Upload-Offset: 0" -H "Content-Type: application/offset+octet-stream" --data-binary @- "$URL"
  curl -I -H "Authorization: Bearer $TOKEN" -H "Tus-Resumable: 1.0.0" "$URL"      # where to go on
  tail -c +1001 README.md | curl -i -X PATCH -H "Authorization: Bearer $TOKEN" -H "Tus-Resumable: 1.0.0" \
    -H "Upload-Offset: 1000" -H "Content-Type: application/offset+octet-stream" --data-binary @- "$URL"

What the other one sees:
  curl -H "Authorization: Bearer $OTHER" http://{address}/conversations/{CONVERSATION}/messages
"#,
            first = USERS[0],
            second = USERS[1],
        )
    }
}
