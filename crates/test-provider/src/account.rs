//! What happens with intents and refunds: pure.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use parvis_stripe::{Intent, IntentStatus, PaymentError, Refund, RefundStatus, least_charge};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// An intent with what Stripe does not tell everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptIntent {
    /// As it is told.
    #[serde(flatten)]
    pub intent: Intent,
    /// The payment method.
    #[serde(default)]
    pub payment_method: Option<String>,
    /// Its place in the order of making.
    pub number: u64,
}

/// A refund with what becomes of it later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRefund {
    /// As it is told.
    #[serde(flatten)]
    pub refund: Refund,
    /// How it stands from a minute after its making on, if that is another way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes: Option<RefundStatus>,
}

/// The payment methods that there are; what each does is told by the crate.
const METHODS: [&str; 9] = [
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_authenticationRequired",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
    "pm_card_pendingRefundFail",
    "pm_card_refundRefused",
    "pm_card_refundsFail",
    "pm_card_refundsRefused",
];

/// How long a bank takes for a refund.
const BANK: TimeDelta = TimeDelta::minutes(1);

/// What changed, for the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kept", rename_all = "snake_case")]
pub enum Kept {
    /// An intent.
    Intent(Box<KeptIntent>),
    /// A refund.
    Refund(Box<KeptRefund>),
}

/// An answer with what follows from it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// What changed.
    pub changed: Option<Kept>,
    /// What is told by webhook.
    pub event: Option<Value>,
}

impl Answer {
    fn ok(body: impl Serialize) -> Self {
        Self { status: 200, body: serde_json::to_value(body).unwrap_or_default(), changed: None, event: None }
    }

    pub(crate) fn error(status: u16, kind: &str, code: &str, message: &str) -> Self {
        let body = json!({ "error": { "type": kind, "code": code, "message": message } });
        Self { status, body, changed: None, event: None }
    }

    fn refused(message: &str) -> Self {
        Self::error(400, "invalid_request_error", "invalid_request", message)
    }

    fn missing(what: &str) -> Self {
        Self::error(404, "invalid_request_error", "resource_missing", &format!("No such {what}"))
    }

    /// What is missing is named by a field, and not by the path: as Stripe, that is 400.
    fn unknown_method(method: &str) -> Self {
        let message = format!("No such PaymentMethod: '{method}'");
        Self::error(400, "invalid_request_error", "resource_missing", &message)
    }
}

/// The fields of a request.
pub type Fields = BTreeMap<String, String>;

/// Everything that a provider knows.
#[derive(Debug, Default)]
pub struct Account {
    intents: BTreeMap<String, KeptIntent>,
    refunds: BTreeMap<String, KeptRefund>,
    answers: HashMap<String, Answer>,
    numbers: u64,
}

impl Account {
    /// All intents.
    pub fn intents(&self) -> impl Iterator<Item = &Intent> {
        self.intents.values().map(|kept| &kept.intent)
    }

    /// All refunds.
    pub fn refunds(&self) -> impl Iterator<Item = &Refund> + Clone {
        self.refunds.values().map(|kept| &kept.refund)
    }

    /// What banks have done with refunds by now.
    pub(crate) fn hear_from_banks(&mut self, now: DateTime<Utc>) -> Vec<(Kept, Value)> {
        let mut heard = Vec::new();
        for kept in self.refunds.values_mut() {
            let Some(status) = kept.becomes.filter(|_| kept.refund.created <= (now - BANK).timestamp()) else {
                continue;
            };
            kept.refund.status = status;
            kept.becomes = None;
            let kind = if status == RefundStatus::Failed { "refund.failed" } else { "refund.updated" };
            heard.push((Kept::Refund(Box::new(kept.clone())), event(kind, refund_told(&kept.refund))));
        }
        heard
    }

    /// Takes in what a file tells.
    pub(crate) fn recall(&mut self, kept: Kept) {
        match kept {
            Kept::Intent(kept) => {
                self.numbers = self.numbers.max(kept.number);
                self.intents.insert(kept.intent.id.clone(), *kept);
            }
            Kept::Refund(kept) => drop(self.refunds.insert(kept.refund.id.clone(), *kept)),
        }
    }

    /// The same answer under the same key, without doing anything again.
    pub(crate) fn once(&mut self, key: &str, act: impl FnOnce(&mut Self) -> Answer) -> Answer {
        if let Some(known) = self.answers.get(key) {
            return Answer { changed: None, event: None, ..known.clone() };
        }
        let answer = act(self);
        // A decline is remembered as well; what was malformed is not.
        if answer.status != 400 {
            self.answers.insert(key.to_owned(), answer.clone());
        }
        answer
    }

    pub(crate) fn create(&mut self, fields: &Fields, now: DateTime<Utc>) -> Answer {
        let amount = fields.get("amount").and_then(|amount| amount.parse::<i64>().ok());
        let (Some(amount), Some(currency)) = (amount.filter(|amount| *amount > 0), fields.get("currency")) else {
            return Answer::refused("amount and currency are needed");
        };
        if currency.to_uppercase().parse().is_ok_and(|currency| amount < least_charge(currency).cents) {
            return Answer::error(
                400,
                "invalid_request_error",
                "amount_too_small",
                "Amount must be at least the least",
            );
        }
        let method = fields.get("payment_method").cloned();
        if let Some(unknown) = method.as_deref().filter(|method| !METHODS.contains(method)) {
            return Answer::unknown_method(unknown);
        }
        let id = format!("pi_{}", Uuid::new_v4().simple());
        let status = match method {
            Some(_) => IntentStatus::RequiresConfirmation,
            None => IntentStatus::RequiresPaymentMethod,
        };
        self.numbers += 1;
        let intent = Intent {
            client_secret: Some(format!("{id}_secret_{}", &Uuid::new_v4().simple().to_string()[..16])),
            id,
            amount,
            currency: currency.clone(),
            status,
            metadata: metadata(fields),
            last_payment_error: None,
            created: now.timestamp(),
        };
        self.keep(KeptIntent { intent, payment_method: method, number: self.numbers }, None)
    }

    pub(crate) fn confirm(&mut self, id: &str, fields: &Fields) -> Answer {
        let Some(kept) = self.intents.get(id) else { return Answer::missing("PaymentIntent") };
        let mut kept = kept.clone();
        if let Some(method) = fields.get("payment_method") {
            if !METHODS.contains(&method.as_str()) {
                return Answer::unknown_method(method);
            }
            kept.payment_method = Some(method.clone());
        }
        let ready =
            matches!(kept.intent.status, IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation);
        let Some(method) = kept.payment_method.clone().filter(|_| ready) else {
            return Answer::refused("the PaymentIntent cannot be confirmed as it stands");
        };
        match method.as_str() {
            "pm_card_chargeDeclined" => self.decline(kept),
            "pm_card_authenticationRequired" => {
                kept.intent.status = IntentStatus::RequiresAction;
                self.keep(kept, Some("payment_intent.requires_action"))
            }
            _ => self.succeed(kept),
        }
    }

    /// What strong authentication at the bank leads to.
    pub(crate) fn authenticate(&mut self, id: &str, success: bool) -> Answer {
        let Some(kept) = self.intents.get(id).cloned() else { return Answer::missing("PaymentIntent") };
        if kept.intent.status != IntentStatus::RequiresAction {
            return Answer::refused("nothing is to be authenticated");
        }
        if success { self.succeed(kept) } else { self.decline(kept) }
    }

    fn succeed(&mut self, mut kept: KeptIntent) -> Answer {
        kept.intent.status = IntentStatus::Succeeded;
        kept.intent.last_payment_error = None;
        self.keep(kept, Some("payment_intent.succeeded"))
    }

    fn decline(&mut self, mut kept: KeptIntent) -> Answer {
        kept.intent.status = IntentStatus::RequiresPaymentMethod;
        kept.payment_method = None;
        kept.intent.last_payment_error =
            Some(PaymentError { code: Some("card_declined".to_owned()), decline_code: None });
        let told = Answer::error(402, "card_error", "card_declined", "Your card was declined.");
        Answer { status: told.status, body: told.body, ..self.keep(kept, Some("payment_intent.payment_failed")) }
    }

    pub(crate) fn cancel(&mut self, id: &str) -> Answer {
        let Some(kept) = self.intents.get(id) else { return Answer::missing("PaymentIntent") };
        let mut kept = kept.clone();
        if matches!(kept.intent.status, IntentStatus::Succeeded | IntentStatus::Canceled | IntentStatus::Processing) {
            return Answer::refused("the PaymentIntent cannot be cancelled as it stands");
        }
        kept.intent.status = IntentStatus::Canceled;
        self.keep(kept, Some("payment_intent.canceled"))
    }

    pub(crate) fn intent(&self, id: &str) -> Answer {
        self.intents.get(id).map_or_else(|| Answer::missing("PaymentIntent"), |kept| Answer::ok(told(&kept.intent)))
    }

    /// The newest first, those after the one named, at most so many.
    pub(crate) fn list(&self, since: i64, after: Option<&str>, limit: usize) -> Answer {
        let below = after.and_then(|id| self.intents.get(id)).map_or(u64::MAX, |kept| kept.number);
        let mut found: Vec<&KeptIntent> =
            self.intents.values().filter(|kept| kept.intent.created >= since && kept.number < below).collect();
        found.sort_by_key(|kept| std::cmp::Reverse(kept.number));
        let page: Vec<Value> = found.iter().take(limit).map(|kept| told(&kept.intent)).collect();
        Answer::ok(json!({ "object": "list", "has_more": found.len() > page.len(), "data": page }))
    }

    pub(crate) fn refund(&mut self, fields: &Fields, now: DateTime<Utc>) -> Answer {
        let Some(intent) = fields.get("payment_intent").and_then(|id| self.intents.get(id)) else {
            return Answer::missing("PaymentIntent");
        };
        if intent.intent.status != IntentStatus::Succeeded {
            return Answer::refused("only what is paid can be refunded");
        }
        let id = &intent.intent.id;
        let of_intent = self.refunds().filter(|refund| refund.payment_intent.as_ref() == Some(id));
        let given: i64 =
            of_intent.clone().filter(|refund| refund.status.moves_money()).map(|refund| refund.amount).sum();
        let left = intent.intent.amount - given;
        let amount = fields.get("amount").map_or(Some(left), |amount| amount.parse().ok());
        let Some(amount) = amount.filter(|amount| (1..=left).contains(amount)) else {
            return Answer::error(400, "invalid_request_error", "charge_already_refunded", "more than is left");
        };
        let (status, becomes) = fate(intent.payment_method.as_deref(), of_intent.count() == 0);
        let refund = Refund {
            id: format!("re_{}", Uuid::new_v4().simple()),
            amount,
            status,
            payment_intent: Some(id.clone()),
            metadata: metadata(fields),
            created: now.timestamp(),
        };
        let body = refund_told(&refund);
        let kept = KeptRefund { refund, becomes };
        self.refunds.insert(kept.refund.id.clone(), kept.clone());
        let event = event("refund.created", body.clone());
        Answer { event: Some(event), changed: Some(Kept::Refund(Box::new(kept))), ..Answer::ok(body) }
    }

    /// The newest first, of one intent or of all, those after the one named, at most so many.
    pub(crate) fn list_refunds(&self, intent: Option<&str>, since: i64, after: Option<&str>, limit: usize) -> Answer {
        let place = |refund: &Refund| (refund.created, refund.id.clone());
        let below = after.and_then(|id| self.refunds.get(id)).map(|kept| place(&kept.refund));
        let of = |refund: &&Refund| intent.is_none() || refund.payment_intent.as_deref() == intent;
        let mut found: Vec<&Refund> = self.refunds().filter(of).collect();
        found.retain(|refund| refund.created >= since && below.as_ref().is_none_or(|below| place(refund) < *below));
        found.sort_by_key(|refund| std::cmp::Reverse(place(refund)));
        let page: Vec<Value> = found.iter().take(limit).map(|refund| refund_told(refund)).collect();
        Answer::ok(json!({ "object": "list", "has_more": found.len() > page.len(), "data": page }))
    }

    pub(crate) fn opens(&self, id: &str, client_secret: &str) -> bool {
        let intent = self.intents.get(id);
        intent.is_some_and(|kept| kept.intent.client_secret.as_deref() == Some(client_secret))
    }

    fn keep(&mut self, kept: KeptIntent, kind: Option<&str>) -> Answer {
        let body = told(&kept.intent);
        self.intents.insert(kept.intent.id.clone(), kept.clone());
        let event = kind.map(|kind| event(kind, body.clone()));
        Answer { event, changed: Some(Kept::Intent(Box::new(kept))), ..Answer::ok(body) }
    }
}

/// How a refund of a payment method stands at first, and what it becomes.
fn fate(method: Option<&str>, first: bool) -> (RefundStatus, Option<RefundStatus>) {
    match method {
        Some("pm_card_pendingRefund") => (RefundStatus::Pending, Some(RefundStatus::Succeeded)),
        Some("pm_card_refundFail") if first => (RefundStatus::Succeeded, Some(RefundStatus::Failed)),
        Some("pm_card_pendingRefundFail") if first => (RefundStatus::Pending, Some(RefundStatus::Failed)),
        Some("pm_card_refundRefused") if first => (RefundStatus::Failed, None),
        Some("pm_card_refundsFail") => (RefundStatus::Succeeded, Some(RefundStatus::Failed)),
        Some("pm_card_refundsRefused") => (RefundStatus::Failed, None),
        _ => (RefundStatus::Succeeded, None),
    }
}

fn told(intent: &Intent) -> Value {
    let mut body = serde_json::to_value(intent).unwrap_or_default();
    body["object"] = "payment_intent".into();
    body
}

fn refund_told(refund: &Refund) -> Value {
    let mut body = serde_json::to_value(refund).unwrap_or_default();
    body["object"] = "refund".into();
    body
}

fn event(kind: &str, object: Value) -> Value {
    let id = format!("evt_{}", Uuid::new_v4().simple());
    json!({ "id": id, "object": "event", "type": kind, "data": { "object": object } })
}

fn metadata(fields: &Fields) -> BTreeMap<String, String> {
    let name = |key: &str| Some(key.strip_prefix("metadata[")?.strip_suffix(']')?.to_owned());
    fields.iter().filter_map(|(key, value)| Some((name(key)?, value.clone()))).collect()
}
