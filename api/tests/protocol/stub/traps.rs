//! Fields that panic, in each place where it makes a difference.

use async_graphql::Object;

pub fn snap() -> i32 {
    assert!(std::hint::black_box(false), "a resolver that panics");
    0
}

pub struct Traps;

#[Object]
impl Traps {
    async fn safe(&self) -> i32 {
        7
    }

    async fn maybe(&self) -> Option<i32> {
        Some(snap())
    }

    async fn sure(&self) -> i32 {
        snap()
    }

    /// Panics after it has waited.
    async fn late(&self) -> Option<i32> {
        tokio::task::yield_now().await;
        Some(snap())
    }

    async fn all(&self) -> Option<Vec<Trap>> {
        Some(vec![Trap(0), Trap(1)])
    }

    async fn any(&self) -> Vec<Option<Trap>> {
        vec![Some(Trap(1)), Some(Trap(0)), None]
    }
}

pub struct Trap(i32);

#[Object]
impl Trap {
    async fn number(&self) -> i32 {
        if self.0 == 1 { snap() } else { self.0 }
    }
}
