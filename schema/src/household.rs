//! Households.

use crate::error::{Error, Result};
use crate::id::GlobalId;
use async_graphql::{Context, ID, Object, SimpleObject};
use roomm8_db::{HouseholdId, household};

/// A household.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Household {
    /// Its global id.
    pub(crate) id: ID,
}

impl From<household::Household> for Household {
    fn from(row: household::Household) -> Self {
        Self { id: GlobalId::Household(row.id).to_id() }
    }
}

pub(crate) async fn find(_: &Context<'_>, _: HouseholdId) -> Result<Household> {
    Err(Error::not_found())
}

#[derive(Default)]
pub(crate) struct HouseholdQuery;

#[Object]
impl HouseholdQuery {
    /// x
    async fn household(&self) -> bool {
        true
    }
}

#[derive(Default)]
pub(crate) struct HouseholdMutation;

#[Object]
impl HouseholdMutation {
    /// x
    async fn create_household(&self) -> bool {
        true
    }
}
