//! The keys of a running server: whoever has a token to verify comes here.

use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::fetch::PATIENCE;
use super::reads::{Occasion, Reads, Schedule};
use super::source::{KeySource, ReadError};
use crate::auth::{AuthError, Identity, KeyError, KeySet, Rules, Verifier};
use crate::time::Timestamp;

/// So long a token that names an unknown key waits for newer keys.
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
    /// Keys that were there when the settings were checked, or those behind a URL, which is asked once. If it cannot be
    /// reached there are none yet.
    ///
    /// # Errors
    /// [`KeyError`], if what the URL says is a key set that will never do.
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

    /// These keys, for ever.
    pub fn fixed(keys: KeySet, rules: Rules) -> Self {
        let verifier = Verifier::new(rules);
        verifier.trust(keys.clone());
        let source = KeySource::Given(keys);
        Self { verifier, source, reads: watch::Sender::default(), asked: Notify::new(), told: Notify::new() }
    }

    /// Whether there are keys at all. Without them nobody can be told from anybody.
    pub fn has_keys(&self) -> bool {
        self.verifier.has_keys()
    }

    /// Waits until there are.
    pub async fn filled(&self) {
        // The sender lives as long as this does.
        let _ = self.reads.subscribe().wait_for(|_| self.has_keys()).await;
    }

    /// Verifies a token. One that names an unknown key waits until the keys have been read again, if that is allowed by
    /// now.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, AuthError> {
        match self.verifier.verify(token, now) {
            Err(AuthError::UnknownKey) if self.newer().await => self.verifier.verify(token, now),
            outcome => outcome,
        }
    }

    /// As [`Keyring::verify`], but a token that has only expired passes and says so.
    ///
    /// # Errors
    /// As [`Verifier::verify_expired`].
    pub async fn verify_expired(&self, token: &str, now: Timestamp) -> Result<Identity, AuthError> {
        match self.verifier.verify_expired(token, now) {
            Err(AuthError::UnknownKey) if self.newer().await => self.verifier.verify_expired(token, now),
            outcome => outcome,
        }
    }

    /// Has the keys read again, as soon as [`Keyring::keep_reading`] runs.
    pub fn read_again(&self) {
        self.told.notify_one();
    }

    /// Waits for a read that ends after this call: the one that is under way, or one that is asked for. All who wait
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

    /// Reads the keys again whenever there is occasion to.
    pub async fn keep_reading(&self, cancelled: CancellationToken) {
        let mut known = None;
        let mut schedule = Schedule::new(self.has_keys(), Instant::now());
        while let Some(occasion) = cancelled.run_until_cancelled(self.occasion(schedule)).await {
            let now = Instant::now();
            // The wish may be as old as the read that has already fulfilled it.
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

    /// Reads the source, and trusts what is new in it. Whether it says the same as the last time is seen by its text: then
    /// the tokens that were verified stay so.
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

    /// Logs how a read went, and says whether it went well.
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

/// What a read found.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// So many keys, not those of the read before.
    New(usize),
    /// What the read before found.
    Same,
    /// There is nothing that could be read again.
    Fixed,
}

#[cfg(test)]
mod tests;
