//! Answers that are kept. A [`Service`] says of a query what its answer is about, and of a caller how they see that and in
//! which version ([`View`]). For as long as the version stands, the bytes that answered one are the answer for all who see
//! it so.
//!
//! Nothing is served on trust: for every request the service is asked anew for the view, which is also the proof that the
//! caller may see it. What is kept was made for the view and for no caller, and only where the version had not moved
//! between the first look at the data and the last, so that it is of one version.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_graphql::Request;
use futures_util::FutureExt;
use lru::LruCache;
use sha2::{Digest, Sha256};

use super::answer::{Rendered, render};
use super::plan::Cost;
use super::stats::Answered;
use super::{Context, Service};

/// How some callers see what an answer is about, and in which version. Two that are equal see the same.
pub trait View: Clone + Eq + Send + Sync + 'static {
    /// Whether whoever has this view has the other at some time: of two that differ, one is out of date.
    fn is_version_of(&self, other: &Self) -> bool;

    /// How much memory it holds, in bytes.
    fn bytes(&self) -> usize;
}

/// What a service without views has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoView {}

impl View for NoView {
    fn is_version_of(&self, _: &Self) -> bool {
        match *self {}
    }

    fn bytes(&self) -> usize {
        match *self {}
    }
}

/// Which operation: a document's text, which operation of it, and the variables.
type Key = [u8; 32];

/// Bytes that a query takes, and each answer to it beside its body, about.
const OVERHEAD: usize = 256;

/// The answers that are kept, within a bound of bytes; those longest unasked go first.
pub(super) struct Answers<Subject, V> {
    kept: Mutex<Kept<Subject, V>>,
    bytes_max: usize,
}

struct Kept<Subject, V> {
    questions: LruCache<Key, Question<Subject, V>>,
    bytes: usize,
}

/// What is known of a query.
struct Question<Subject, V> {
    /// What it is about; `None` where no view is enough to answer it.
    subject: Option<Subject>,
    answers: Vec<(V, Made)>,
}

impl<Subject, V: View> Question<Subject, V> {
    fn bytes(&self) -> usize {
        let body = |made: &Made| made.as_ref().map_or(0, |answer| answer.rendered.body.len());
        let answers = self.answers.iter().map(|(view, made)| OVERHEAD + view.bytes() + body(made));
        OVERHEAD + answers.sum::<usize>()
    }
}

/// What was made for all who have a view.
type Made = Result<Answer, Failed>;

/// There were errors, or it was too large: each is answered alone.
#[derive(Clone, Copy, Debug)]
struct Failed;

/// An answer without errors, and what it cost.
#[derive(Clone)]
pub(super) struct Answer {
    pub rendered: Rendered,
    pub cost: u64,
}

impl<Subject: Clone, V: View> Answers<Subject, V> {
    pub(super) fn new(bytes_max: usize) -> Self {
        let kept = Kept { questions: LruCache::unbounded(), bytes: 0 };
        Self { kept: Mutex::new(kept), bytes_max }
    }

    fn kept(&self) -> MutexGuard<'_, Kept<Subject, V>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the query is about, by looking at it once.
    fn subject(&self, key: Key, look: impl FnOnce() -> Option<Subject>) -> Option<Subject> {
        if let Some(question) = self.kept().questions.get(&key) {
            return question.subject.clone();
        }
        let subject = look();
        self.kept().put(key, Question { subject: subject.clone(), answers: Vec::new() }, self.bytes_max);
        subject
    }

    fn find(&self, key: Key, view: &V) -> Option<Made> {
        let mut kept = self.kept();
        let answers = &kept.questions.get(&key)?.answers;
        answers.iter().find(|(of, _)| of == view).map(|(_, made)| made.clone())
    }

    fn keep(&self, key: Key, view: V, made: Made) {
        // A copy: what was rendered may hold more memory than it has bytes.
        let made = made.map(|answer| Answer { rendered: answer.rendered.copied(), ..answer });
        let mut kept = self.kept();
        let Some(mut question) = kept.take(key) else { return };
        question.answers.retain(|(of, _)| !view.is_version_of(of));
        question.answers.push((view, made));
        kept.put(key, question, self.bytes_max);
    }

    /// No view is enough for this query.
    fn give_up(&self, key: Key) {
        self.kept().put(key, Question { subject: None, answers: Vec::new() }, self.bytes_max);
    }
}

impl<Subject, V: View> Kept<Subject, V> {
    fn take(&mut self, key: Key) -> Option<Question<Subject, V>> {
        let question = self.questions.pop(&key)?;
        self.bytes -= question.bytes();
        Some(question)
    }

    fn put(&mut self, key: Key, question: Question<Subject, V>, bytes_max: usize) {
        drop(self.take(key));
        self.bytes += question.bytes();
        self.questions.put(key, question);
        while self.bytes > bytes_max
            && let Some((_, oldest)) = self.questions.pop_lru()
        {
            self.bytes -= oldest.bytes();
        }
    }
}

/// The answer to a query that is kept, or is made now for all who see it as this caller does. `None` is a query to be
/// executed for its caller alone.
pub(super) async fn answer<S: Service>(
    context: &Context<S>,
    caller: &S::Caller,
    request: &mut Request,
    cost: &Cost,
) -> Option<Answer> {
    let (service, answers) = (&context.service, &context.answers);
    if answers.bytes_max == 0 {
        return None;
    }
    let key = key(request);
    let own = || {
        context.stats.answered(Answered::ForOne);
        None
    };
    let Some(subject) = answers.subject(key, || service.subject(request)) else { return own() };
    let Some(view) = service.view(caller, &subject).await else { return own() };
    match answers.find(key, &view) {
        Some(Ok(answer)) => {
            context.stats.answered(Answered::Again);
            return Some(answer);
        }
        Some(Err(Failed)) => return own(),
        None => {}
    }
    let copy = copy(request)?;
    // In a box, for the compiler; and a panic is left to the execution for the caller alone, which deals with it.
    let executing = AssertUnwindSafe(Box::pin(service.execute_view(view.clone(), copy)));
    let made = match executing.catch_unwind().await {
        Ok(None) => {
            answers.give_up(key);
            return own();
        }
        // Errors are told by an execution for the caller, and that it is too large.
        Ok(Some(response)) if response.errors.is_empty() => {
            let cost = cost.actual(&response.data);
            let rendered = render(response, "", context.settings.response_bytes);
            rendered.map(|rendered| Answer { rendered, cost }).map_err(|_| Failed)
        }
        Ok(Some(_)) | Err(_) => Err(Failed),
    };
    if service.view(caller, &subject).await.as_ref() == Some(&view) {
        answers.keep(key, view, made.clone());
    }
    let Ok(answer) = made else { return own() };
    context.stats.answered(Answered::ForAll);
    Some(answer)
}

/// The key of a request: the same for all that ask the same, whoever asks, and for no others.
pub(crate) fn key(request: &Request) -> Key {
    let variables = serde_json::to_vec(&request.variables).unwrap_or_default();
    let name = request.operation_name.as_deref().unwrap_or_default();
    let mut digest = Sha256::new();
    for part in [request.query.as_bytes(), name.as_bytes(), &variables] {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// The same request, with its plan.
pub(crate) fn copy(request: &mut Request) -> Option<Request> {
    let document = request.parsed_query().ok()?.clone();
    let mut copy = Request::new(request.query.clone()).variables(request.variables.clone());
    copy.operation_name.clone_from(&request.operation_name);
    copy.set_parsed_query(document);
    Some(copy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use proptest::prelude::*;

    /// A class, and its version.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Seen(u8, u32);

    impl View for Seen {
        fn is_version_of(&self, other: &Self) -> bool {
            self.0 == other.0
        }

        fn bytes(&self) -> usize {
            usize::from(self.0) * 1_000
        }
    }

    fn answer(bytes: usize) -> Answer {
        Answer { rendered: Rendered::new(vec![b'x'; bytes].into(), false, HeaderMap::new()), cost: 1 }
    }

    fn asked(answers: &Answers<(), Seen>, key: u8) -> Option<()> {
        answers.subject([key; 32], || Some(()))
    }

    #[test]
    fn an_answer_holds_for_its_view_and_makes_room_for_the_next_version() {
        let answers = Answers::new(10_000);
        assert_eq!(asked(&answers, 1), Some(()));
        answers.keep([1; 32], Seen(0, 1), Ok(answer(10)));
        answers.keep([1; 32], Seen(7, 1), Ok(answer(20)));
        assert!(answers.find([1; 32], &Seen(0, 1)).is_some());
        assert!(answers.find([1; 32], &Seen(0, 2)).is_none());
        assert!(answers.find([2; 32], &Seen(0, 1)).is_none());
        answers.keep([1; 32], Seen(0, 2), Ok(answer(30)));
        assert!(answers.find([1; 32], &Seen(0, 1)).is_none());
        assert!(answers.find([1; 32], &Seen(7, 1)).is_some(), "another class has its own");
        answers.keep([1; 32], Seen(0, 3), Err(Failed));
        assert!(answers.find([1; 32], &Seen(0, 3)).is_some_and(|made| made.is_err()), "it failed once");
        answers.give_up([1; 32]);
        assert_eq!(asked(&answers, 1), None);
        assert!(answers.find([1; 32], &Seen(0, 2)).is_none());
    }

    proptest! {
        #[test]
        fn what_is_kept_stays_within_its_bound(steps in prop::collection::vec((0..8_u8, 0..3_u8, 0..4_u32, 0..2_000_usize), 1..200)) {
            let answers = Answers::new(4_000);
            for (key, class, version, bytes) in steps {
                asked(&answers, key);
                answers.keep([key; 32], Seen(class, version), Ok(answer(bytes)));
                let kept = answers.kept();
                let counted: usize = kept.questions.iter().map(|(_, question)| question.bytes()).sum();
                prop_assert_eq!(kept.bytes, counted);
                prop_assert!(counted <= 4_000);
            }
        }
    }
}
