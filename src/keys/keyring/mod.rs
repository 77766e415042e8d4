//! The keys of a running server, which verify all its tokens.

use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::fetch::PATIENCE;
use super::reads::{Occasion, Reads, Schedule};
use super::source::{KeySource, ReadError};
use crate::auth::{AuthError, Identity, KeyError, KeySet, Rules, Verifier};
use crate::time::Timestamp;

/// How long a token that names an unknown key waits for newer keys.
const WAIT: Duration = PATIENCE.saturating_add(Duration::from_secs(1));

/// A verifier whose keys are kept up to date by [`Keyring::keep_reading`].
#[derive(Debug)]
pub struct Keyring {
    verifier: Verifier,
    source: KeySource,
    reads: watch::Sender<Reads>,
    asked: Notify,
    told: Notify,
}

impl Keyring {
    /// A keyring of the keys that were there when the settings were checked, or of those behind a URL, which
    /// is asked once. If it cannot be reached, there are no keys yet.
    ///
    /// # Errors
    /// [`KeyError`], if the URL has a key set without a usable key.
    pub async fn open(source: KeySource, rules: Rules) -> Result<Self, KeyError> {
        let keyring = Self {
            verifier: Verifier::new(rules),
            reads: watch::Sender::default(),
            asked: Notify::new(),
            told: Notify::new(),
            source,
        };
        match &keyring.source {
            KeySource::Given(keys) | KeySource::File { at_start: keys, .. } => keyring.trust(keys.clone()),
            KeySource::Url(_) => match keyring.read(&mut None).await {
                Err(ReadError::Keys(error @ KeyError::NoUsableKey)) => return Err(error),
                outcome => _ = keyring.note(&outcome),
            },
        }
        Ok(keyring)
    }

    /// A keyring of these keys, which never change.
    pub fn fixed(keys: KeySet, rules: Rules) -> Self {
        let verifier = Verifier::new(rules);
        verifier.trust(keys.clone());
        let source = KeySource::Given(keys);
        Self { verifier, source, reads: watch::Sender::default(), asked: Notify::new(), told: Notify::new() }
    }

    /// Whether there are keys at all. Without keys no user can be identified.
    pub fn has_keys(&self) -> bool {
        self.verifier.has_keys()
    }

    /// Waits until there are keys.
    pub async fn filled(&self) {
        // The sender lives as long as the keyring.
        let _ = self.reads.subscribe().wait_for(|_| self.has_keys()).await;
    }

    /// Verifies a token. If it names an unknown key, waits until the keys have been read again, if a read is
    /// allowed by now.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, AuthError> {
        match self.verifier.verify(token, now) {
            Err(AuthError::UnknownKey) if self.newer().await => self.verifier.verify(token, now),
            outcome => outcome,
        }
    }

    /// Verifies a token like [`Keyring::verify`], but accepts one that has only expired and says so.
    ///
    /// # Errors
    /// As [`Verifier::verify_expired`].
    pub async fn verify_expired(&self, token: &str, now: Timestamp) -> Result<Identity, AuthError> {
        match self.verifier.verify_expired(token, now) {
            Err(AuthError::UnknownKey) if self.newer().await => self.verifier.verify_expired(token, now),
            outcome => outcome,
        }
    }

    /// Requests another read of the keys, which happens as soon as [`Keyring::keep_reading`] runs.
    pub fn read_again(&self) {
        self.told.notify_one();
    }

    /// Waits for a read that ends after this call: the one in progress, or one that it requests. All callers
    /// share it. `false` if there is none.
    async fn newer(&self) -> bool {
        let mut reads = self.reads.subscribe();
        let before = *reads.borrow_and_update();
        if !before.is_under_way() {
            if !before.may_ask(Instant::now()) {
                return false;
            }
            self.asked.notify_one();
        }
        timeout(WAIT, reads.wait_for(|reads| reads.ended > before.ended)).await.is_ok()
    }

    /// Reads the keys again on every occasion.
    pub async fn keep_reading(&self, cancelled: CancellationToken) {
        let mut known = None;
        let mut schedule = Schedule::new(self.has_keys(), Instant::now());
        while let Some(occasion) = cancelled.run_until_cancelled(self.occasion(schedule)).await {
            let now = Instant::now();
            // The request may be older than the read that has already met it.
            if occasion == Occasion::Asked && !self.reads.borrow().may_ask(now) {
                continue;
            }
            self.reads.send_modify(|reads| reads.begin(occasion, now));
            let Some(outcome) = cancelled.run_until_cancelled(self.read(&mut known)).await else { return };
            let succeeded = self.note(&outcome);
            schedule = schedule.after(occasion, succeeded, self.has_keys(), Instant::now());
            self.reads.send_modify(Reads::end);
        }
    }

    async fn occasion(&self, schedule: Schedule) -> Occasion {
        tokio::select! {
            () = self.told.notified() => Occasion::Told,
            () = self.asked.notified() => Occasion::Asked,
            () = sleep_until(schedule.due), if self.source.is_set() => Occasion::Due,
        }
    }

    /// Reads the source, and trusts new keys in it. A text equal to the last one changes nothing, so that
    /// verified tokens stay verified.
    async fn read(&self, known: &mut Option<String>) -> Result<Outcome, ReadError> {
        let Some((text, form)) = self.source.text().await? else { return Ok(Outcome::Fixed) };
        if known.as_ref() == Some(&text) {
            return Ok(Outcome::Same);
        }
        let keys = form.keys(&text)?;
        let count = keys.count();
        self.trust(keys);
        *known = Some(text);
        Ok(Outcome::New(count))
    }

    fn trust(&self, keys: KeySet) {
        for key in keys.passed_over() {
            tracing::warn!(key = key.name, why = key.why, source = %self.source, "a key is passed over");
        }
        self.verifier.trust(keys);
    }

    /// Logs the outcome of a read, and answers whether it succeeded.
    fn note(&self, outcome: &Result<Outcome, ReadError>) -> bool {
        let source = &self.source;
        match outcome {
            Ok(Outcome::New(keys)) => tracing::info!(keys, %source, "the keys of tokens are read"),
            Ok(Outcome::Same) => tracing::debug!(%source, "the keys of tokens are the same"),
            Ok(Outcome::Fixed) => tracing::info!("the keys of tokens were given with the settings and stay"),
            Err(error) if self.has_keys() => {
                tracing::warn!(%error, %source, "the keys of tokens cannot be read; the former ones stay");
            }
            Err(error) => {
                tracing::error!(%error, %source, "there are no keys yet: they cannot be read, and will be tried again");
            }
        }
        outcome.is_ok()
    }
}

/// The outcome of a read.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// Keys other than those of the read before, and how many.
    New(usize),
    /// Text equal to that of the read before.
    Same,
    /// A source that cannot be read again.
    Fixed,
}

#[cfg(test)]
mod tests;
