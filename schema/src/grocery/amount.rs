//! How much of something.

use crate::payload::Outcome;
use crate::row::{Ahead, Plain as _, Row, label};
use crate::scalar::Decimal;
use async_graphql::parser::types::Field;
use async_graphql::{Enum, InputObject, SimpleObject};
use roomm8_db::grocery::{Amount, Unit, amount};
use rust_decimal::Decimal as Exact;

/// What something is measured in. Grams and kilograms are added up with each other, as are millilitres to litres, and ounces
/// with pounds; any other unit only with itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "amount::Unit")]
pub(crate) enum GroceryUnit {
    /// So many of it.
    Piece,
    /// Grams: g.
    #[graphql(name = "G")]
    Gram,
    /// Kilograms: 1000 g.
    #[graphql(name = "KG")]
    Kilogram,
    /// Millilitres.
    #[graphql(name = "ML")]
    Millilitre,
    /// Centilitres: 10 ml.
    #[graphql(name = "CL")]
    Centilitre,
    /// Decilitres: 100 ml.
    #[graphql(name = "DL")]
    Decilitre,
    /// Litres: 1000 ml.
    #[graphql(name = "L")]
    Litre,
    /// Ounces of weight.
    #[graphql(name = "OZ")]
    Ounce,
    /// Pounds: 16 oz.
    #[graphql(name = "LB")]
    Pound,
    /// Packs or packets.
    Pack,
    /// Bags of it.
    Bag,
    /// Boxes or crates.
    Box,
    /// Bottles.
    Bottle,
    /// Cans and tins.
    Can,
    /// Jars and glasses.
    Jar,
    /// Bunches.
    Bunch,
}

/// So much of something.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct GroceryAmount {
    /// How many of the unit: an exact decimal.
    quantity: Decimal,
    /// The unit.
    unit: GroceryUnit,
}

impl Row for GroceryAmount {
    fn write(&self, field: &Field, _: &Ahead, json: &mut Vec<u8>) -> Option<()> {
        match field.name.node.as_str() {
            "quantity" => self.quantity.write(json),
            "unit" => label(self.unit, json),
            _ => None,
        }
    }
}

impl From<Amount> for GroceryAmount {
    fn from(amount: Amount) -> Self {
        (amount.quantity, amount.unit).into()
    }
}

impl From<(Exact, Unit)> for GroceryAmount {
    fn from((quantity, unit): (Exact, Unit)) -> Self {
        Self { quantity: Decimal(quantity), unit: unit.into() }
    }
}

/// So much of something.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct GroceryAmountInput {
    /// How many of the unit: more than 0, at most 1,000,000, with at most 3 digits after the point.
    quantity: Decimal,
    /// The unit.
    #[graphql(default_with = "GroceryUnit::Piece")]
    unit: GroceryUnit,
}

/// As [`roomm8_db::grocery::Line`] takes them.
pub(super) fn given(amounts: &[GroceryAmountInput]) -> Vec<(Exact, Unit)> {
    amounts.iter().map(|amount| (amount.quantity.0, amount.unit.into())).collect()
}

/// Says of what is wrong with an amount that it is among them.
pub(super) fn within_amounts<T>(mut outcome: Outcome<T>) -> Outcome<T> {
    for error in &mut outcome.user_errors {
        error.nest("amounts", &["quantity"]);
    }
    outcome
}
