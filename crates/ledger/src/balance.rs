//! The trial balance of entries that arrive once, twice, or late.

use std::collections::{BTreeMap, HashMap};

use parvis_money::{Money, MoneyError};
use uuid::Uuid;

use crate::account::Account;
use crate::entry::{Entry, Side};

/// What an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Sum of its debits.
    pub debit: Money,
    /// Sum of its credits.
    pub credit: Money,
}

impl Balance {
    /// Debits less credits.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn net(self) -> Result<Money, MoneyError> {
        self.debit.checked_sub(self.credit)
    }
}

/// Whether an entry was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// It was.
    New,
    /// The same entry was there.
    Known,
}

/// Why an entry was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// Another entry has its id.
    #[error("entry {0} exists with another content")]
    Conflict(Uuid),
    /// Another currency, or a sum beyond all bounds.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Entries with their balances.
#[derive(Debug, Clone, Default)]
pub struct Book {
    entries: Vec<Entry>,
    known: HashMap<Uuid, usize>,
    balances: BTreeMap<Account, Balance>,
}

impl Book {
    /// Takes an entry, once. A refused entry changes nothing.
    ///
    /// # Errors
    /// [`PostError`].
    pub fn post(&mut self, entry: Entry) -> Result<Posted, PostError> {
        if let Some(index) = self.known.get(&entry.id()) {
            return if self.entries[*index] == entry {
                Ok(Posted::Known)
            } else {
                Err(PostError::Conflict(entry.id()))
            };
        }
        let mut changed: BTreeMap<Account, Balance> = BTreeMap::new();
        for line in entry.lines() {
            let zero = Money::zero(line.amount.currency);
            let before = changed.get(&line.account).or_else(|| self.balances.get(&line.account)).copied();
            let mut balance = before.unwrap_or(Balance { debit: zero, credit: zero });
            match line.side {
                Side::Debit => balance.debit = balance.debit.checked_add(line.amount)?,
                Side::Credit => balance.credit = balance.credit.checked_add(line.amount)?,
            }
            changed.insert(line.account.clone(), balance);
        }
        self.balances.extend(changed);
        self.known.insert(entry.id(), self.entries.len());
        self.entries.push(entry);
        Ok(Posted::New)
    }

    /// The entries in the order in which they were taken.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The trial balance.
    #[must_use]
    pub fn balances(&self) -> &BTreeMap<Account, Balance> {
        &self.balances
    }

    /// Debits less credits of an account; `None` when it was never used.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn net(&self, account: &Account) -> Result<Option<Money>, MoneyError> {
        self.balances.get(account).map(|balance| balance.net()).transpose()
    }
}
