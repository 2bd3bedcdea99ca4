//! What the broker asks before it lets something happen.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use rmqtt::codec::types::MQTT_LEVEL_5;
use rmqtt::codec::v5::{PublishAckReason, SubscribeAckReason};
use rmqtt::context::ServerContext;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType, Type};
use rmqtt::session::Session;
use rmqtt::types::{
    AuthResult, ConnectInfo, From as Sender, FromType, Id, LastWill, ListenerId, Publish, PublishAclResult,
    PublishResult, Subscribe, SubscribeAclResult,
};

use super::Backend;
use super::access::Access;
use super::authorizer::{Credentials, CustomAuthorizer};
use super::rules::{Delivery, RuleEngine};

/// Listener of the plain TCP port.
pub(super) const TCP: ListenerId = 1;
/// Listener of the WebSocket port.
pub(super) const WEB_SOCKET: ListenerId = 2;

/// Decides for every connection, subscription and message.
pub(super) struct Gatekeeper<B> {
    pub(super) rules: Arc<RuleEngine<B>>,
    /// Without one, no browser is let in.
    pub(super) authorizer: Option<CustomAuthorizer<B>>,
    /// What the connected browsers may do; devices all have the same access.
    pub(super) browsers: RwLock<HashMap<Id, Arc<Access>>>,
}

/// The hooks that are answered.
const ANSWERED: [Type; 6] = [
    Type::ClientAuthenticate,
    Type::ClientDisconnected,
    Type::ClientSubscribeCheckAcl,
    Type::MessagePublish,
    Type::MessagePublishCheckAcl,
    Type::MessageExpiryCheck,
];

/// Makes the broker ask `gatekeeper`.
pub(super) async fn register<B: Backend>(context: &ServerContext, gatekeeper: Arc<Gatekeeper<B>>) {
    let register = context.extends.hook_mgr().register();
    for hook in ANSWERED {
        register.add(hook, Box::new(Asked(Arc::clone(&gatekeeper)))).await;
    }
    register.start().await;
}

struct Asked<B>(Arc<Gatekeeper<B>>);

#[async_trait]
impl<B: Backend> Handler for Asked<B> {
    async fn hook(&self, parameter: &Parameter, accumulated: Option<HookResult>) -> ReturnType {
        let Self(gatekeeper) = self;
        match parameter {
            Parameter::ClientAuthenticate(connect) => {
                (false, Some(HookResult::AuthResult(gatekeeper.authenticate(connect).await)))
            }
            Parameter::ClientDisconnected(session, _) => {
                gatekeeper.forget(&session.id);
                (true, accumulated)
            }
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                (false, Some(HookResult::SubscribeAclResult(gatekeeper.subscribe(session, subscribe))))
            }
            Parameter::MessagePublishCheckAcl(session, publish) => {
                (false, Some(HookResult::PublishAclResult(gatekeeper.publish(session, publish).await)))
            }
            // Comes before the check above for every message, and alone for a last will.
            Parameter::MessagePublish(_, from, publish) if matches!(from.typ(), FromType::LastWill) => {
                gatekeeper.last_will(from, publish).await;
                (true, accumulated)
            }
            // The one place where a delivery can be stopped.
            Parameter::MessageExpiryCheck(session, _, publish) if !gatekeeper.may_receive(session, publish) => {
                (false, Some(HookResult::MessageExpiry))
            }
            _ => (true, accumulated),
        }
    }
}

impl<B: Backend> Gatekeeper<B> {
    async fn authenticate(&self, connect: &ConnectInfo) -> AuthResult {
        let id = connect.id();
        let access = if id.lid == TCP {
            Arc::new(Access::Device)
        } else {
            match self.authorize(connect).await {
                Ok(access) => Arc::new(access),
                Err(reason) => {
                    tracing::info!(client_id = %id.client_id, reason, "an MQTT client was not let in");
                    return AuthResult::NotAuthorized;
                }
            }
        };
        // Later, when the will is published, nobody asks.
        let will = connect.last_will().map(|will| match will {
            LastWill::V3(will) => (will.topic.clone(), will.retain),
            LastWill::V5(will) => (will.topic.clone(), will.retain),
        });
        if let Some((topic, retain)) = will
            && !access.may_publish(&topic, retain)
        {
            tracing::info!(client_id = %id.client_id, %topic, "an MQTT client was not let in: its last will is not allowed");
            return AuthResult::NotAuthorized;
        }
        if id.lid == WEB_SOCKET {
            self.browsers.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), access);
        }
        AuthResult::Allow(false, None)
    }

    async fn authorize(&self, connect: &ConnectInfo) -> Result<Access, String> {
        let authorizer = self.authorizer.as_ref().ok_or("the template has no custom authorizer")?;
        let credentials = Credentials {
            client_id: connect.client_id().to_string(),
            username: connect.username().map(ToString::to_string),
            password: connect.password().map(|password| password.to_vec()),
        };
        authorizer.authorize(&credentials).await.map_err(|denied| denied.to_string())
    }

    fn access(&self, id: &Id) -> Arc<Access> {
        if id.lid == TCP {
            return Arc::new(Access::Device);
        }
        let browsers = self.browsers.read().unwrap_or_else(PoisonError::into_inner);
        browsers.get(id).cloned().unwrap_or_else(|| Arc::new(Access::Policies(Vec::new())))
    }

    fn forget(&self, id: &Id) {
        self.browsers.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn subscribe(&self, session: &Session, subscribe: &Subscribe) -> SubscribeAclResult {
        if self.access(&session.id).may_subscribe(&subscribe.topic_filter) {
            SubscribeAclResult::new_success(subscribe.opts.qos(), None)
        } else {
            tracing::info!(client_id = %session.id.client_id, filter = %subscribe.topic_filter, "a subscription was refused");
            SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
        }
    }

    fn may_receive(&self, session: &Session, publish: &Publish) -> bool {
        session.id.lid == TCP || self.access(&session.id).may_receive(&publish.topic)
    }

    async fn publish(&self, session: &Session, publish: &Publish) -> PublishAclResult {
        let client_id = session.id.client_id.as_ref();
        if !self.access(&session.id).may_publish(&publish.topic, publish.retain) {
            tracing::info!(client_id, topic = %publish.topic, "a message was refused");
            // MQTT 3.1.1 has no way to say no but to hang up, as AWS does.
            let disconnect = session.connect_info().await.is_ok_and(|connect| connect.proto_ver() != MQTT_LEVEL_5);
            return PublishAclResult::rejected(disconnect, Some("not authorized".into()));
        }
        match self.rules.on_publish(&publish.topic, &publish.payload, Some(client_id)).await {
            Ok(Delivery::Subscribers) => PublishAclResult::allow(),
            // Acknowledged, and taken no further: for MQTT 5 this is a kind of success.
            Ok(Delivery::RuleOnly) => {
                PublishAclResult(PublishResult::reason_code(PublishAckReason::NoMatchingSubscribers, None, false))
            }
            // Hanging up is what makes a client send the message again.
            Err(error) => {
                tracing::error!(client_id, %error, "a message is not acknowledged");
                PublishAclResult(PublishResult::reason_code(PublishAckReason::UnspecifiedError, None, true))
            }
        }
    }

    async fn last_will(&self, from: &Sender, publish: &Publish) {
        let client_id: &str = from.client_id.as_ref();
        if let Err(error) = self.rules.on_publish(&publish.topic, &publish.payload, Some(client_id)).await {
            tracing::error!(client_id, %error, "a last will is lost");
        }
    }
}
