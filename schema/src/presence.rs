//! Typing and presence: signals that are never stored and may be lost.

use crate::conversation::Conversation;
use crate::error::{Error, Nullable, Result, nullable};
use crate::id::GlobalId;
use crate::live::{self, Item, Topic};
use crate::member::Member;
use crate::scalar::DateTime;
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject, Subscription};
use futures_util::stream::BoxStream;
use roomm8_db::{ConversationId, MemberId, Permission, Time, conversation};
use roomm8_subscriptions as live_delivery;
use roomm8_subscriptions::Signal;
use std::time::Duration;

/// How long somebody is shown as writing after they last said so.
const TYPING_FOR: Duration = Duration::from_secs(10);
/// How often that may be said of one conversation.
const TYPING_PACE: Duration = Duration::from_secs(3);

/// How present somebody is, on their most present device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "live_delivery::Presence")]
pub(crate) enum Presence {
    /// No device follows the household, or they appear offline.
    Offline,
    /// A device follows the household, without input for two minutes.
    Idle,
    /// Gave input in the last two minutes, by `setActivity`.
    Active,
}

/// What a person does at a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "live_delivery::Activity")]
pub(crate) enum Activity {
    /// Gives input.
    Active,
    /// Gives none.
    Idle,
}

/// Somebody is writing.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct TypingSignal {
    /// Until when to show it, unless a message of theirs or another signal comes first.
    expires_at: DateTime,
    #[graphql(skip)]
    conversation: ConversationId,
    #[graphql(skip)]
    member: MemberId,
}

impl TypingSignal {
    fn new(item: &Item) -> Option<Self> {
        let Item::Signal(Signal::Typing { conversation, member, until, .. }) = item else { return None };
        Some(Self { expires_at: DateTime(*until), conversation: *conversation, member: *member })
    }
}

#[ComplexObject]
impl TypingSignal {
    /// Where they write.
    async fn conversation(&self, ctx: &Context<'_>) -> Result<Conversation> {
        let found = ctx.scope()?.loaders().conversations.load(self.conversation).await?;
        found.map(Conversation::from).ok_or_else(Error::not_found)
    }

    /// Who writes.
    async fn member(&self, ctx: &Context<'_>) -> Result<Member> {
        let found = ctx.scope()?.loaders().members.load(self.member).await?;
        found.map(Member::from).ok_or_else(Error::not_found)
    }
}

/// Somebody came, went, or woke up.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct PresenceSignal {
    /// How present they are now.
    presence: Presence,
    #[graphql(skip)]
    member: MemberId,
}

impl PresenceSignal {
    fn new(item: &Item) -> Option<Self> {
        let Item::Signal(Signal::Presence { member, presence, .. }) = item else { return None };
        Some(Self { presence: (*presence).into(), member: *member })
    }
}

#[ComplexObject]
impl PresenceSignal {
    /// Who came or went.
    async fn member(&self, ctx: &Context<'_>) -> Result<Member> {
        let found = ctx.scope()?.loaders().members.load(self.member).await?;
        found.map(Member::from).ok_or_else(Error::not_found)
    }
}

/// Where you are writing.
#[derive(Debug, InputObject)]
pub(crate) struct SetTypingInput {
    /// The conversation.
    conversation_id: ID,
    /// Given back in the payload. A signal is not remembered: a repeat is another signal.
    client_mutation_id: Option<String>,
}

/// What came of `setTyping`.
#[derive(SimpleObject)]
pub(crate) struct SetTypingPayload {
    /// Whether it was told to the others; false if you told it less than 3 s ago.
    accepted: bool,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// What you do at this device.
#[derive(Debug, InputObject)]
pub(crate) struct SetActivityInput {
    /// The household that shows it.
    household_id: ID,
    /// What you do.
    activity: Activity,
    /// Given back in the payload. A signal is not remembered: a repeat is another signal.
    client_mutation_id: Option<String>,
}

/// What came of `setActivity`.
#[derive(SimpleObject)]
pub(crate) struct SetActivityPayload {
    /// Whether it was noted. It has an effect only while this session follows the household by a subscription.
    accepted: bool,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

#[derive(Default)]
pub(crate) struct PresenceMutation;

#[Object]
impl PresenceMutation {
    /// Tells the others of a conversation that you are writing; shown for 10 s. Say it again while you write, at
    /// most every 3 s. Nothing is stored. Needs CHAT.
    async fn set_typing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where you are writing.")] input: SetTypingInput,
    ) -> Nullable<SetTypingPayload> {
        nullable(async {
            let (household, conversation) = GlobalId::conversation(&input.conversation_id)?;
            let scope = ctx.scope()?;
            let member = scope.member(household).await?;
            member.require(Permission::Chat)?;
            let conn = &mut *scope.connection().await?;
            let conversation = conversation::find(conn, &member, conversation).await?;
            let audience = conversation::audience(conn, &conversation).await?;
            let accepted = scope.hub().may_signal((member.id(), conversation.id), TYPING_PACE);
            if accepted {
                scope.hub().signal(Signal::Typing {
                    household,
                    conversation: conversation.id,
                    member: member.id(),
                    audience,
                    until: Time::now().after(TYPING_FOR),
                });
            }
            Ok(SetTypingPayload { accepted, client_mutation_id: input.client_mutation_id })
        })
        .await
    }

    /// Tells whether you are at this device. Send ACTIVE with input, at most every minute; it fades to IDLE after two
    /// minutes by itself. Nothing is stored. Needs READ.
    async fn set_activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What you do.")] input: SetActivityInput,
    ) -> Nullable<SetActivityPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let scope = ctx.scope()?;
            let member = scope.member(household).await?;
            let session = scope.viewer()?.session_id;
            scope.hub().be(household, member.id(), session, input.activity.into());
            Ok(SetActivityPayload { accepted: true, client_mutation_id: input.client_mutation_id })
        })
        .await
    }
}

#[derive(Default)]
pub(crate) struct PresenceSubscription;

#[Subscription]
impl PresenceSubscription {
    /// Who is writing in the conversations you take part in; never yourself. A signal may be lost.
    async fn typing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The household.")] household_id: ID,
    ) -> Result<BoxStream<'static, TypingSignal>> {
        let household = GlobalId::household(&household_id)?;
        live::follow(ctx, household, None, Topic::Typing, TypingSignal::new).await
    }

    /// Who comes and goes. A signal may be lost: `Member.presence` says how it is. Who appears offline sees nobody.
    async fn presence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The household.")] household_id: ID,
    ) -> Result<BoxStream<'static, PresenceSignal>> {
        let household = GlobalId::household(&household_id)?;
        live::follow(ctx, household, None, Topic::Presence, PresenceSignal::new).await
    }
}
