//! Counters of the protocol layer, for whoever exports them.

mod latency;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::gate::Kind;
use super::limits::Rule;
use latency::Histogram;
pub use latency::Latency;

/// What was counted since the start. All of it is safe to read at any time.
#[derive(Debug, Default)]
pub struct Stats {
    queries: Outcomes,
    mutations: Outcomes,
    subscriptions: Outcomes,
    refusals: [AtomicU64; Rule::ALL.len()],
    documents: [AtomicU64; Source::ALL.len()],
    answers: [AtomicU64; Answered::ALL.len()],
    operations_open: AtomicU64,
    operations_shed: AtomicU64,
    connections_open: AtomicU64,
    connections_refused: AtomicU64,
    account_connections_refused: AtomicU64,
    sockets_open: AtomicU64,
    streams_open: AtomicU64,
    subscriptions_open: AtomicU64,
    slow_consumers: AtomicU64,
    panics: AtomicU64,
    cost: AtomicU64,
    rate_limited: AtomicU64,
    ledger_unreachable: AtomicU64,
}

#[derive(Debug, Default)]
struct Outcomes {
    complete: AtomicU64,
    partial: AtomicU64,
    refused: AtomicU64,
    latency: Histogram,
}

/// How an operation ended. A subscription counts once, when it is opened or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Without an error.
    Complete,
    /// With errors beside the data.
    Partial,
    /// With errors only.
    Refused,
}

/// What is noted of a document beside its text's coming with the request. Of one request, two may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// From the manifest, or it is the same as one there.
    Trusted,
    /// There is a manifest, and it is not in it.
    Untrusted,
    /// Kept since it was sent with its hash.
    Persisted,
    /// From the request, and kept from now on.
    Registered,
    /// Nowhere: only a name was sent, and it is not known.
    Missing,
}

impl Source {
    const ALL: [Self; 5] = [Self::Trusted, Self::Untrusted, Self::Persisted, Self::Registered, Self::Missing];

    fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Untrusted => "untrusted",
            Self::Persisted => "persisted",
            Self::Registered => "registered",
            Self::Missing => "missing",
        }
    }
}

/// For whom the answer to a query was made, where answers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// For others before, and it still holds.
    Again,
    /// Now, for all who see the same.
    ForAll,
    /// Now, for the caller alone.
    ForOne,
}

impl Answered {
    const ALL: [Self; 3] = [Self::Again, Self::ForAll, Self::ForOne];

    fn name(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::ForAll => "for_all",
            Self::ForOne => "for_one",
        }
    }
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The metric's name, without a prefix for the application.
    pub name: &'static str,
    /// Label names and values.
    pub labels: Vec<(&'static str, &'static str)>,
    /// Its value now.
    pub value: u64,
    /// Whether it can fall; else it is a counter.
    pub is_gauge: bool,
}

/// Which gauge a [`Held`] raises.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gauge {
    Operations,
    Connections,
    Sockets,
    Streams,
    Subscriptions,
}

/// Raises a gauge for as long as it lives.
#[derive(Debug)]
pub(crate) struct Held {
    stats: Arc<Stats>,
    gauge: Gauge,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.stats.gauge(self.gauge).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Stats {
    pub(crate) fn hold(self: &Arc<Self>, gauge: Gauge) -> Held {
        self.gauge(gauge).fetch_add(1, Ordering::Relaxed);
        Held { stats: Arc::clone(self), gauge }
    }

    /// Raises a gauge unless it is at its limit.
    pub(crate) fn hold_up_to(self: &Arc<Self>, gauge: Gauge, limit: usize) -> Option<Held> {
        let held = self.hold(gauge);
        // Of several that come at once to the last place all may be turned away; none gets in beyond it.
        let count = self.gauge(gauge).load(Ordering::Relaxed);
        (count <= u64::try_from(limit).unwrap_or(u64::MAX)).then_some(held)
    }

    pub(crate) fn operation(&self, kind: Kind, outcome: Outcome) {
        let outcomes = self.outcomes(kind);
        let counter = match outcome {
            Outcome::Complete => &outcomes.complete,
            Outcome::Partial => &outcomes.partial,
            Outcome::Refused => &outcomes.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Of a query or a mutation, until its answer; of a subscription, until it is open.
    pub(crate) fn took(&self, kind: Kind, elapsed: Duration) {
        self.outcomes(kind).latency.note(elapsed);
    }

    pub(crate) fn refusal(&self, rule: Rule) {
        if let Some(counter) = self.refusals.get(rule as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn document(&self, source: Source) {
        if let Some(counter) = self.documents.get(source as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn answered(&self, answered: Answered) {
        if let Some(counter) = self.answers.get(answered as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn operation_shed(&self) {
        self.operations_shed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn account_connection_refused(&self) {
        self.account_connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn slow_consumer(&self) {
        self.slow_consumers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn charged(&self, points: u64) {
        self.cost.fetch_add(points, Ordering::Relaxed);
    }

    pub(crate) fn rate_limited(&self) {
        self.rate_limited.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ledger_unreachable(&self) {
        self.ledger_unreachable.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// How long operations took, to be exported.
    pub fn latencies(&self) -> [Latency; 3] {
        [Kind::Query, Kind::Mutation, Kind::Subscription]
            .map(|kind| self.outcomes(kind).latency.export(kind.name()))
    }

    /// Everything that is one figure, to be exported.
    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        for kind in [Kind::Query, Kind::Mutation, Kind::Subscription] {
            let outcomes = self.outcomes(kind);
            for (outcome, counter) in [
                ("complete", &outcomes.complete),
                ("partial", &outcomes.partial),
                ("refused", &outcomes.refused),
            ] {
                let labels = vec![("kind", kind.name()), ("outcome", outcome)];
                samples.push(sample("operations_total", labels, counter));
            }
        }
        for (rule, counter) in Rule::ALL.iter().zip(&self.refusals) {
            samples.push(sample("gate_refusals_total", vec![("rule", rule.name())], counter));
        }
        for (source, counter) in Source::ALL.iter().zip(&self.documents) {
            samples.push(sample("documents_total", vec![("source", source.name())], counter));
        }
        for (answered, counter) in Answered::ALL.iter().zip(&self.answers) {
            samples.push(sample("answers_total", vec![("made", answered.name())], counter));
        }
        for (name, counter) in [
            ("operations_shed_total", &self.operations_shed),
            ("connections_refused_total", &self.connections_refused),
            ("account_connections_refused_total", &self.account_connections_refused),
            ("slow_consumers_closed_total", &self.slow_consumers),
            ("operation_panics_total", &self.panics),
            ("cost_points_total", &self.cost),
            ("rate_limited_total", &self.rate_limited),
            ("ledger_unreachable_total", &self.ledger_unreachable),
            ("operations_open", &self.operations_open),
            ("connections_open", &self.connections_open),
            ("sockets_open", &self.sockets_open),
            ("streams_open", &self.streams_open),
            ("subscriptions_open", &self.subscriptions_open),
        ] {
            samples.push(sample(name, Vec::new(), counter));
        }
        samples
    }

    fn outcomes(&self, kind: Kind) -> &Outcomes {
        match kind {
            Kind::Query => &self.queries,
            Kind::Mutation => &self.mutations,
            Kind::Subscription => &self.subscriptions,
        }
    }

    fn gauge(&self, gauge: Gauge) -> &AtomicU64 {
        match gauge {
            Gauge::Operations => &self.operations_open,
            Gauge::Connections => &self.connections_open,
            Gauge::Sockets => &self.sockets_open,
            Gauge::Streams => &self.streams_open,
            Gauge::Subscriptions => &self.subscriptions_open,
        }
    }
}

fn sample(name: &'static str, labels: Vec<(&'static str, &'static str)>, counter: &AtomicU64) -> Sample {
    let value = counter.load(Ordering::Relaxed);
    Sample { name, labels, value, is_gauge: name.ends_with("_open") }
}
