//! Accounts, and which of them serves what.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is not an account number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an account: three digits of the plan comptable général, then up to 17 letters and digits")]
pub struct InvalidAccount(String);

/// The number of an account; its first three characters are digits of the plan comptable général (LPF A47 A-1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountNumber(String);

impl AccountNumber {
    /// The number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountNumber {
    type Error = InvalidAccount;

    fn try_from(text: String) -> Result<Self, InvalidAccount> {
        let class = text.len() >= 3 && text.bytes().take(3).all(|b| b.is_ascii_digit());
        let rest = text.len() <= 20 && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if class && rest { Ok(Self(text)) } else { Err(InvalidAccount(text)) }
    }
}

impl TryFrom<&str> for AccountNumber {
    type Error = InvalidAccount;

    fn try_from(text: &str) -> Result<Self, InvalidAccount> {
        text.to_owned().try_into()
    }
}

impl From<AccountNumber> for String {
    fn from(number: AccountNumber) -> String {
        number.0
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    /// Its number.
    pub number: AccountNumber,
    /// What it is called.
    pub label: String,
}

/// Which account serves what. Configuration: every operator has its own subdivisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// Money at the payment provider, not yet paid out (511).
    pub provider: Account,
    /// The bank (512).
    pub bank: Account,
    /// What customers on monthly invoice owe (411).
    pub customers: Account,
    /// What customers have in their wallets (4191).
    pub wallets: Account,
    /// Sales of car parks (706).
    pub parking_sales: Account,
    /// Fees for parking on the street (redevance), outside VAT.
    pub street_fees: Account,
    /// VAT collected (44571).
    pub vat_collected: Account,
    /// What the provider keeps (627).
    pub provider_fees: Account,
}

impl Chart {
    /// The accounts of a private operator of car parks.
    ///
    /// # Errors
    /// Never; the numbers are checked as any others.
    pub fn private_operator() -> Result<Self, InvalidAccount> {
        let account =
            |number: &str, label: &str| number.try_into().map(|number| Account { number, label: label.to_owned() });
        Ok(Self {
            provider: account("511700", "Prestataire de paiement")?,
            bank: account("512000", "Banque")?,
            customers: account("411000", "Clients")?,
            wallets: account("419100", "Clients - avances")?,
            parking_sales: account("706000", "Prestations de stationnement")?,
            street_fees: account("706100", "Redevances de stationnement")?,
            vat_collected: account("445710", "TVA collectée")?,
            provider_fees: account("627800", "Commissions sur encaissements")?,
        })
    }
}
