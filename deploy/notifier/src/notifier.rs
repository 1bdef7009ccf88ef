//! What is done with each message: a letter is mailed, and what SES tells of a mail is noted.

use crate::batch::{Answer, Batch, Record, Verdict};
use crate::feedback::Feedback;
use crate::ledger::{Away, Claim, End, Ledger};
use crate::letter::Letter;
use crate::mail::{Failure, Post};
use crate::settings::Settings;
use crate::turn::Turn;
use aws_config::SdkConfig;
use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tokio::time::Instant;
use tracing::info;

/// How many people's letters are sent at a time: SES allows a new account 14 mails a second.
const AT_A_TIME: usize = 4;
/// A letter takes four calls: to claim it, to look up its address, to send it, to note that.
const CALLS_OF_A_LETTER: u32 = 4;
/// Those that are left when it is sent.
const CALLS_OF_A_SENDING: u32 = 2;

/// The function.
pub(crate) struct Notifier {
    ledger: Ledger,
    post: Post,
    events_queue: String,
}

/// What became of a message.
enum Outcome {
    /// SES took the letter.
    Sent,
    /// SES took it and the table could not be told, which what SES tells will mend.
    SentUnnoted(Away),
    /// It was done with before.
    Settled,
    /// Its address gets no mail.
    Suppressed,
    /// SES will never take it.
    Refused(String),
    /// SES did not take it this time.
    NotTaken(String),
    /// Nobody knows whether SES took it.
    Unknown(String),
    /// Another invocation has it, or had it when it ended.
    Claimed,
    /// The table could not be asked.
    NoLedger(Away),
    /// There is too little time left to begin with it.
    NoTime,
    /// What SES told is noted.
    Noted,
    /// It cannot be read, for this reason.
    Junk(&'static str),
}

/// What a message is about, for a log.
struct Subject {
    id: String,
    kind: String,
}

impl Notifier {
    pub(crate) fn new(config: &SdkConfig, settings: Settings) -> Self {
        let post = Post::new(config, &settings);
        let ledger = Ledger::new(config, settings.table, settings.grace);
        Self { ledger, post, events_queue: settings.events_queue }
    }

    /// Does the work of a batch, and says which of its messages are to come again.
    pub(crate) async fn answer(&self, event: LambdaEvent<Value>) -> Result<Answer, &'static str> {
        let turn = Turn::new(event.context.request_id, event.context.deadline);
        // The reason of a mismatch would quote what did not match.
        let batch: Batch =
            serde_json::from_value(event.payload).map_err(|_| "this is no batch of a queue")?;
        Ok(batch.work(AT_A_TIME, async |record| self.work(record, &turn).await).await)
    }

    async fn work(&self, record: &Record, turn: &Turn) -> Verdict {
        let began = Instant::now();
        let (subject, outcome) = if record.queue == self.events_queue {
            self.hear(record, turn).await
        } else {
            self.mail(record, turn).await
        };
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Subject { id, kind } = subject;
        info!(letter = id, kind, outcome = outcome.word(), code = outcome.code(), milliseconds, "message");
        outcome.verdict()
    }

    async fn mail(&self, record: &Record, turn: &Turn) -> (Subject, Outcome) {
        let letter = match Letter::read(record) {
            Ok(letter) => letter,
            Err(why) => return (Subject::unread(record), Outcome::Junk(why)),
        };
        let subject = Subject { id: letter.id.to_string(), kind: letter.kind.to_string() };
        // A batch may hold a letter twice, so an invocation is no owner by itself.
        let owner = format!("{}/{}", turn.name, record.message_id);
        if !turn.has_time_for(CALLS_OF_A_LETTER) {
            return (subject, Outcome::NoTime);
        }
        let outcome = match self.ledger.claim(&letter, &owner, turn).await {
            Ok(Claim::Ours) => self.send(&letter, &owner, turn).await,
            Ok(Claim::Theirs) => Outcome::Claimed,
            Ok(Claim::Settled) => Outcome::Settled,
            Err(away) => Outcome::NoLedger(away),
        };
        (subject, outcome)
    }

    /// Sends a letter that is ours, and notes what came of it.
    async fn send(&self, letter: &Letter, owner: &str, turn: &Turn) -> Outcome {
        match self.ledger.is_suppressed(&letter.to, turn).await {
            Ok(false) => {}
            Ok(true) => {
                return self.end(letter, End::Suppressed, owner, turn).await.unwrap_or(Outcome::Suppressed);
            }
            Err(away) => return self.release(letter, owner, turn, Outcome::NoLedger(away)).await,
        }
        if !turn.has_time_for(CALLS_OF_A_SENDING) {
            return self.release(letter, owner, turn, Outcome::NoTime).await;
        }
        match self.post.send(letter, turn.call).await {
            Ok(()) => match self.ledger.sent(&letter.id, turn).await {
                Ok(()) => Outcome::Sent,
                Err(away) => Outcome::SentUnnoted(away),
            },
            Err(Failure::Refused(code)) => {
                let ended = self.end(letter, End::Refused(&code), owner, turn).await;
                ended.unwrap_or(Outcome::Refused(code))
            }
            Err(Failure::NotTaken(code)) => self.release(letter, owner, turn, Outcome::NotTaken(code)).await,
            Err(Failure::Unknown(code)) => Outcome::Unknown(code),
        }
    }

    /// Notes the end of a letter that was not sent. If that cannot be noted, the letter comes again.
    async fn end(&self, letter: &Letter, end: End<'_>, owner: &str, turn: &Turn) -> Option<Outcome> {
        self.ledger.end(&letter.id, end, owner, turn).await.err().map(Outcome::NoLedger)
    }

    /// Gives a letter up that was certainly not sent. If that fails, it waits until the claim on it ends.
    async fn release(&self, letter: &Letter, owner: &str, turn: &Turn, outcome: Outcome) -> Outcome {
        let _ = self.ledger.release(&letter.id, owner, turn).await;
        outcome
    }

    async fn hear(&self, record: &Record, turn: &Turn) -> (Subject, Outcome) {
        let Some(feedback) = Feedback::read(&record.body) else {
            return (Subject::unread(record), Outcome::Junk("NoEvent"));
        };
        let letter = feedback.sent();
        let subject = Subject {
            id: letter.map_or_else(|| record.message_id.clone(), ToString::to_string),
            kind: feedback.name().to_owned(),
        };
        let mut noted = match letter {
            Some(letter) => self.ledger.sent(letter, turn).await,
            None => Ok(()),
        };
        for address in feedback.unwanted() {
            noted = noted.and(self.ledger.suppress(address, feedback.name(), turn).await);
        }
        (subject, noted.map_or_else(Outcome::NoLedger, |()| Outcome::Noted))
    }
}

impl Subject {
    /// What is said of a message that cannot be read: its number in the queue.
    fn unread(record: &Record) -> Self {
        Self { id: record.message_id.clone(), kind: String::new() }
    }
}

impl Outcome {
    fn verdict(&self) -> Verdict {
        match self {
            // A letter that SES took is not given back, noted or not: to send it again is what must not be.
            Self::Sent
            | Self::SentUnnoted(_)
            | Self::Settled
            | Self::Suppressed
            | Self::Refused(_)
            | Self::Noted => Verdict::Done,
            Self::NotTaken(_) | Self::Unknown(_) | Self::Claimed | Self::NoLedger(_) | Self::NoTime => {
                Verdict::Failed
            }
            Self::Junk(_) => Verdict::Junk,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::SentUnnoted(_) => "sent, not noted",
            Self::Settled => "settled before",
            Self::Suppressed => "suppressed",
            Self::Refused(_) => "refused",
            Self::NotTaken(_) => "not taken",
            Self::Unknown(_) => "unknown",
            Self::Claimed => "claimed",
            Self::NoLedger(_) => "no ledger",
            Self::NoTime => "no time",
            Self::Noted => "noted",
            Self::Junk(_) => "junk",
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Refused(code) | Self::NotTaken(code) | Self::Unknown(code) => code,
            Self::NoLedger(away) | Self::SentUnnoted(away) => away,
            Self::Junk(why) => why,
            _ => "",
        }
    }
}
