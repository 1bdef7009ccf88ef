//! How many connections each account has that stay: its sockets, and its streams over HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The accounts that have connections now.
pub(super) struct Accounts {
    /// Connections of one account at most, if there is a limit.
    limit: Option<usize>,
    counts: Mutex<HashMap<Box<str>, usize>>,
}

impl Accounts {
    /// Where 0 is no limit.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit: Some(limit).filter(|limit| *limit > 0), counts: Mutex::default() })
    }

    /// Counts one more for as long as the place lives, unless the account has enough of them.
    pub(super) fn place(self: &Arc<Self>, account: String) -> Option<Place> {
        let account = account.into_boxed_str();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&account).copied().unwrap_or(0);
        if self.limit.is_some_and(|limit| count >= limit) {
            return None;
        }
        counts.insert(account.clone(), count + 1);
        drop(counts);
        Some(Place { accounts: Arc::clone(self), account })
    }
}

/// The place of one connection.
pub(super) struct Place {
    accounts: Arc<Accounts>,
    account: Box<str>,
}

impl Place {
    /// Whether it is this account's.
    pub(super) fn is_of(&self, account: &str) -> bool {
        *self.account == *account
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.accounts.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_when_it_is_left() {
        let accounts = Accounts::new(2);
        let places = [accounts.place("ada".into()), accounts.place("ada".into())];
        assert!(places.iter().all(Option::is_some) && accounts.place("ada".into()).is_none());
        assert!(accounts.place("bob".into()).is_some());
        drop(places);
        assert!(accounts.counts.lock().unwrap().is_empty());
        assert!(accounts.place("ada".into()).is_some());
    }
}
