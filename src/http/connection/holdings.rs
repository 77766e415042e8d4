//! Bytes that HTTP/2 clients make the server hold: those it has not read, and answers they do not read. Each
//! connection may hold a little. All may hold `MOST` beyond that; then the one that holds most is ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

/// Bytes that each connection may make the server hold in any case: its first window allows them.
const A_LITTLE: u64 = 64 * 1024;
/// Bytes that all connections together may hold beyond that.
const MOST: u64 = 512 * 1024 * 1024;

/// How many bytes all connections make the server hold.
#[derive(Debug, Default)]
pub(super) struct Holdings(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    next: u64,
    accounts: HashMap<u64, Entry>,
    /// Bytes that all accounts hold beyond the little that each may have.
    beyond: u64,
}

#[derive(Debug)]
struct Entry {
    held: u64,
    end: CancellationToken,
}

impl Entry {
    fn beyond(&self) -> u64 {
        self.held.saturating_sub(A_LITTLE)
    }
}

impl Holdings {
    /// Opens an account for a connection. Dropping it closes it.
    pub(super) fn open(self: &Arc<Self>) -> Arc<Account> {
        let end = CancellationToken::new();
        let mut book = self.book();
        let id = book.next;
        book.next += 1;
        book.accounts.insert(id, Entry { held: 0, end: end.clone() });
        Arc::new(Account { id, end, holdings: Arc::clone(self) })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Changes how many bytes an account holds. An account whose connection was ended no longer counts.
    fn change(&mut self, id: u64, more: u64, less: u64, most: u64) {
        let Some(entry) = self.accounts.get_mut(&id) else { return };
        let before = entry.beyond();
        entry.held = (entry.held + more).saturating_sub(less);
        self.beyond = self.beyond - before + entry.beyond();
        while self.beyond > most {
            let largest = self.accounts.iter().max_by_key(|(_, entry)| entry.held).map(|(id, _)| *id);
            let Some(ended) = largest.and_then(|id| self.close(id)) else { return };
            ended.end.cancel();
        }
    }

    fn close(&mut self, id: u64) -> Option<Entry> {
        let entry = self.accounts.remove(&id)?;
        self.beyond -= entry.beyond();
        Some(entry)
    }
}

/// A connection's account: how many bytes it makes the server hold.
#[derive(Debug)]
pub(super) struct Account {
    id: u64,
    end: CancellationToken,
    holdings: Arc<Holdings>,
}

impl Account {
    /// Token that is cancelled when the connection is to end.
    pub(super) fn end(&self) -> &CancellationToken {
        &self.end
    }

    /// Counts these bytes as held until the last part of them is dropped.
    pub(super) fn held(self: &Arc<Self>, data: Bytes) -> Bytes {
        self.change(length(&data), 0);
        Bytes::from_owner(Held { data, account: Arc::clone(self) })
    }

    /// Adds `more` bytes to the account and takes `less` bytes off it.
    pub(super) fn change(&self, more: u64, less: u64) {
        if more != less {
            self.holdings.book().change(self.id, more, less, MOST);
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.holdings.book().close(self.id);
    }
}

/// Bytes that an account counts until they are dropped.
struct Held {
    data: Bytes,
    account: Arc<Account>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.account.change(0, length(&self.data));
    }
}

fn length(data: &Bytes) -> u64 {
    u64::try_from(data.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_bound_the_connection_that_has_most_is_ended() {
        let holdings = Arc::new(Holdings::default());
        let [small, large, new] = [0; 3].map(|_| holdings.open());
        let change = |account: &Account, more, less| {
            holdings.book().change(account.id, A_LITTLE + more, A_LITTLE + less, 100);
        };
        for account in [&small, &large, &new] {
            holdings.book().change(account.id, A_LITTLE, 0, 100);
        }
        assert_eq!(holdings.book().beyond, 0, "each may have a little");
        change(&small, 30, 0);
        change(&large, 60, 0);
        change(&new, 10, 0);
        assert!(!large.end().is_cancelled());
        change(&new, 1, 0);
        let ended = [&small, &large, &new].map(|account| account.end().is_cancelled());
        assert_eq!(ended, [false, true, false]);
        assert_eq!(holdings.book().beyond, 41);
        change(&large, 1000, 0);
        drop(large);
        assert_eq!(holdings.book().beyond, 41, "it has gone from the book");
    }

    #[test]
    fn bytes_are_held_until_the_last_part_of_them_has_gone() {
        let holdings = Arc::new(Holdings::default());
        let account = holdings.open();
        let held = |bytes: u64| assert_eq!(holdings.book().accounts[&0].held, bytes);
        let mut bytes = account.held(Bytes::from_static(b"abc"));
        let part = bytes.split_to(1);
        drop(bytes);
        held(3);
        drop(part);
        held(0);
    }
}
