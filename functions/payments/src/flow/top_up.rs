//! Putting money into a wallet: the same steps as paying for a session, and as safe.

use parvis_kit::problem::{FieldError, Problem};
use parvis_money::Money;
use parvis_stripe::{Intent, IntentStatus};
use uuid::Uuid;

use super::settle::code_of;
use super::{Patience, PayWith, the_same};
use crate::error::{ApiError, ApiResult};
use crate::provider::Payment;
use crate::record::{ChargeState, TopUp};
use crate::state::App;
use crate::store::{Funds, StoreError};

/// How often a step is decided again because somebody else has written in between.
const ATTEMPTS: usize = 6;
/// The most that is put into a wallet at a time, in minor units.
const MOST_CENTS: i64 = 20_000;

impl App {
    /// Puts money into a wallet, or goes on with that if it was asked for under this id before.
    ///
    /// # Errors
    /// 422 for an amount that is none; refusals of the payment; failures of table or provider.
    pub async fn top_up(&self, owner: &str, asked: Uuid, amount: Money, pay: &PayWith) -> ApiResult<TopUp> {
        let id = TopUp::id_of(owner, asked);
        let method = match pay {
            PayWith::CardInBrowser => None,
            PayWith::Method { id } => Some(id.clone()),
            PayWith::Wallet => {
                return Err(Problem::invalid(vec![FieldError::new("/pay", "a wallet is not paid from itself")]).into());
            }
        };
        if let Some(known) = self.store().top_up(id).await? {
            the_same(known.amount == amount && known.method == method)?;
            return self.pay_top_up(known).await;
        }
        let least = self.provider().least(amount.currency);
        if amount.cents < least.cents || amount.cents > MOST_CENTS {
            let most = Money::new(MOST_CENTS, amount.currency);
            let told = format!("{} to {}", least.decimal(), most.decimal());
            return Err(Problem::invalid(vec![FieldError::new("/cents", told)]).into());
        }
        let now = self.now();
        self.refuse_too_many(owner).await?;
        let top_up = TopUp {
            id,
            owner: Some(owner.to_owned()),
            amount,
            method,
            state: ChargeState::Created,
            intent: None,
            client_secret: None,
            failure: None,
            refunds: Vec::new(),
            created_at: now,
            revision: 1,
            delay: None,
        };
        match self.store().create_top_up(&top_up, owner).await {
            Ok(()) => self.pay_top_up(top_up).await,
            // It was asked for at the same time.
            Err(StoreError::Conflict) => {
                let known = self.reload_top_up(id).await?;
                the_same(known.amount == top_up.amount && known.method == top_up.method)?;
                self.pay_top_up(known).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A payment into a wallet of its owner.
    ///
    /// # Errors
    /// 404 when there is none, or it is somebody else's.
    pub async fn own_top_up(&self, owner: &str, id: Uuid) -> ApiResult<TopUp> {
        let found = self.store().top_up(id).await?.filter(|top_up| top_up.owner.as_deref() == Some(owner));
        Ok(found.ok_or_else(|| Problem::not_found("payment into the wallet"))?)
    }

    pub(crate) async fn reload_top_up(&self, id: Uuid) -> ApiResult<TopUp> {
        Ok(self.store().top_up(id).await?.ok_or_else(|| Problem::not_found("payment into the wallet"))?)
    }

    /// Pays it as far as that is possible without its payer's browser.
    async fn pay_top_up(&self, mut top_up: TopUp) -> ApiResult<TopUp> {
        for _ in 0..ATTEMPTS {
            let step = match (top_up.state, &top_up.intent) {
                (ChargeState::Failed, _) => {
                    let code = top_up.failure.clone().unwrap_or_else(|| "given_up".to_owned());
                    return Err(ApiError::Declined { session: top_up.id, code });
                }
                (ChargeState::Open, Some(intent)) => {
                    let found = self.take(intent, top_up.id, top_up.method.is_some()).await?;
                    match self.settle_top_up(&top_up, &found).await {
                        Ok(None) => return Ok(top_up),
                        other => other,
                    }
                }
                (ChargeState::Created, _) => self.open_top_up(&top_up).await.map(Some),
                _ => return Ok(top_up),
            };
            top_up = match step {
                Ok(Some(changed)) => changed,
                Ok(None) | Err(ApiError::Store(StoreError::Conflict)) => self.reload_top_up(top_up.id).await?,
                Err(error) => return Err(error),
            };
        }
        Err(StoreError::Conflict.into())
    }

    /// Does what can be done with it now without its payer, and returns it as it is then.
    ///
    /// # Errors
    /// When the provider or the table is away; the next one goes on from there.
    pub async fn bring_top_up_forward(&self, mut top_up: TopUp, mut patience: Patience) -> ApiResult<TopUp> {
        for _ in 0..ATTEMPTS {
            let Some(due) = top_up.due() else { return Ok(top_up) };
            let over = patience == Patience::GiveUp || (patience == Patience::UntilDue && due <= self.now());
            let step = match (top_up.state, &top_up.intent) {
                (ChargeState::Succeeded, _) => self.give_back_of_top_up(&top_up).await,
                (_, Some(intent)) => {
                    let found = self.look_or_cancel(intent, top_up.id, over).await?;
                    self.settle_top_up(&top_up, &found).await
                }
                (_, None) => {
                    // Whoever has decided on it has died: nobody is there to pay it.
                    patience = if over { Patience::GiveUp } else { patience };
                    self.open_top_up(&top_up).await.map(Some)
                }
            };
            top_up = match step {
                Ok(Some(changed)) => changed,
                Ok(None) => return Ok(top_up),
                Err(ApiError::Store(StoreError::Conflict)) => self.reload_top_up(top_up.id).await?,
                Err(error) => return Err(error),
            };
        }
        Ok(top_up)
    }

    async fn open_top_up(&self, top_up: &TopUp) -> ApiResult<TopUp> {
        let payment = Payment {
            session: top_up.id,
            charge: top_up.id,
            amount: top_up.amount,
            method: top_up.method.as_deref(),
            what: "Porte-monnaie",
        };
        let mut after = top_up.clone();
        match self.provider().prepare(&payment).await {
            Ok(intent) => after.opened(intent.id, intent.client_secret),
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(error) => after.ended(false, Some(code_of(&error))),
        }
        self.store().save_top_up(top_up, &mut after, None, None).await?;
        Ok(after)
    }

    /// Applies what the provider says. `None` when that changes nothing.
    pub(crate) async fn settle_top_up(&self, top_up: &TopUp, intent: &Intent) -> ApiResult<Option<TopUp>> {
        let paid = match intent.status {
            IntentStatus::Succeeded if intent.amount != top_up.amount.cents => {
                let told = format!("intent {} is of {} and not of {}", intent.id, intent.amount, top_up.amount.cents);
                return Err(Problem::internal(told).into());
            }
            IntentStatus::Succeeded => true,
            IntentStatus::Canceled => false,
            _ => return Ok(None),
        };
        if !top_up.is_under_way() {
            return Ok(None);
        }
        let mut after = top_up.clone();
        after.ended(paid, intent.failure().filter(|_| !paid).map(str::to_owned));
        let movement = paid.then(|| after.movement(self.now()));
        let funds = after.owner.clone().filter(|_| paid).map(|owner| Funds { owner, change: after.amount });
        self.store().save_top_up(top_up, &mut after, movement, funds).await?;
        Ok(Some(after))
    }
}
