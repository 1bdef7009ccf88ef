//! How much of something: exact decimals with units. What can be measured in one unit is added up; what cannot is kept
//! beside it, as in "2 packs, 500 g".

use crate::labels::labels;
use crate::{Error, RefusalCode, Result};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The most of anything, in its unit.
pub const QUANTITY_LIMIT: u32 = 1_000_000;
/// The most digits after the point that can be asked for.
pub const SCALE_LIMIT: u32 = 3;

labels! {
    /// What something is measured in.
    Unit {
        /// Each.
        Piece = "PIECE",
        /// Grams.
        Gram = "G",
        /// Kilograms: 1000 g.
        Kilogram = "KG",
        /// Millilitres.
        Millilitre = "ML",
        /// Centilitres: 10 ml.
        Centilitre = "CL",
        /// Decilitres: 100 ml.
        Decilitre = "DL",
        /// Litres: 1000 ml.
        Litre = "L",
        /// Ounces of weight.
        Ounce = "OZ",
        /// Pounds: 16 oz.
        Pound = "LB",
        /// Packs.
        Pack = "PACK",
        /// Bags.
        Bag = "BAG",
        /// Boxes.
        Box = "BOX",
        /// Bottles.
        Bottle = "BOTTLE",
        /// Cans and tins.
        Can = "CAN",
        /// Jars and glasses.
        Jar = "JAR",
        /// Bunches.
        Bunch = "BUNCH",
    }
}

impl Unit {
    /// The smallest unit of its class, and how many of those it is. Units of one class can be added up, others cannot:
    /// grams and ounces are two classes, as one is no exact number of the other that anybody wants to read.
    fn measure(self) -> (Self, u32) {
        match self {
            Self::Kilogram => (Self::Gram, 1000),
            Self::Centilitre => (Self::Millilitre, 10),
            Self::Decilitre => (Self::Millilitre, 100),
            Self::Litre => (Self::Millilitre, 1000),
            Self::Pound => (Self::Ounce, 16),
            other => (other, 1),
        }
    }
}

/// So much of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// How many of the unit, without zeros at the end.
    pub quantity: Decimal,
    /// The unit.
    pub unit: Unit,
}

impl Amount {
    /// So much, more than nothing, at most [`QUANTITY_LIMIT`], with at most [`SCALE_LIMIT`] digits after the point.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for the field `quantity`.
    pub fn new(quantity: Decimal, unit: Unit) -> Result<Self> {
        let quantity = quantity.normalize();
        if quantity <= Decimal::ZERO {
            return Err(refused(RefusalCode::Invalid, "must be more than nothing"));
        }
        if quantity.scale() > SCALE_LIMIT {
            let message = format!("must have at most {SCALE_LIMIT} digits after the point");
            return Err(refused(RefusalCode::Invalid, message));
        }
        Self { quantity, unit }.within_limit()
    }

    fn within_limit(self) -> Result<Self> {
        if self.quantity > Decimal::from(QUANTITY_LIMIT) {
            return Err(refused(RefusalCode::Limit, format!("must be at most {QUANTITY_LIMIT}")));
        }
        Ok(self)
    }

    /// The two as one, in the larger of their units, or in the smaller where that would take too many digits: what is told
    /// can always be given back. Nothing if they cannot be added up.
    fn plus(self, other: Self) -> Option<Result<Self>> {
        let ((base, count), (other_base, other_count)) = (self.unit.measure(), other.unit.measure());
        if base != other_base {
            return None;
        }
        // Exact: factors are tens, or sixteen, and quantities are small.
        let sum = self.quantity * Decimal::from(count) + other.quantity * Decimal::from(other_count);
        let sum_in = |unit, count: u32| Self { quantity: (sum / Decimal::from(count)).normalize(), unit };
        let (one, another) = (sum_in(self.unit, count), sum_in(other.unit, other_count));
        let (smaller, larger) = if count <= other_count { (one, another) } else { (another, one) };
        let told = if larger.quantity.scale() <= SCALE_LIMIT { larger } else { smaller };
        Some(told.within_limit())
    }
}

fn refused(code: RefusalCode, message: impl Into<String>) -> Error {
    Error::refused(code, "quantity", message)
}

/// Adds to what is wanted already: to the part it can be added up with, or as another part.
///
/// # Errors
///
/// [`Error::Refused`] for the field `quantity` if that is more than [`QUANTITY_LIMIT`].
pub(super) fn add(parts: &mut Vec<Amount>, more: Amount) -> Result<()> {
    for part in parts.iter_mut() {
        if let Some(sum) = part.plus(more) {
            *part = sum?;
            return Ok(());
        }
    }
    parts.push(more);
    Ok(())
}

/// What was given part by part, each class of units once.
///
/// # Errors
///
/// As [`add`].
pub(super) fn sum(amounts: &[Amount]) -> Result<Vec<Amount>> {
    let mut parts = Vec::new();
    for amount in amounts {
        add(&mut parts, *amount)?;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(quantity: &str, unit: Unit) -> Amount {
        Amount::new(quantity.parse().unwrap(), unit).unwrap()
    }

    #[test]
    fn what_can_be_measured_together_is_one_amount_in_the_larger_unit() {
        for (one, other, both) in [
            (amount("500", Unit::Gram), amount("1", Unit::Kilogram), amount("1.5", Unit::Kilogram)),
            (amount("0.1", Unit::Litre), amount("0.2", Unit::Litre), amount("0.3", Unit::Litre)),
            (amount("2", Unit::Decilitre), amount("5", Unit::Centilitre), amount("2.5", Unit::Decilitre)),
            (amount("8", Unit::Ounce), amount("1", Unit::Pound), amount("1.5", Unit::Pound)),
            (amount("1", Unit::Ounce), amount("1", Unit::Pound), amount("17", Unit::Ounce)),
            (amount("1", Unit::Kilogram), amount("0.5", Unit::Gram), amount("1000.5", Unit::Gram)),
            (amount("2.50", Unit::Piece), amount("1.5", Unit::Piece), amount("4", Unit::Piece)),
        ] {
            assert_eq!(sum(&[one, other]).unwrap(), [both]);
            assert_eq!(sum(&[other, one]).unwrap(), [both]);
        }
    }

    #[test]
    fn what_cannot_stands_beside_it() {
        let parts = [amount("2", Unit::Pack), amount("500", Unit::Gram), amount("1", Unit::Ounce)];
        assert_eq!(sum(&parts).unwrap(), parts);
    }

    #[test]
    fn nothing_too_much_and_too_fine_are_refused() {
        for wrong in ["0", "-1", "-0.001", "1000000.001", "0.0001", "1000001"] {
            assert!(Amount::new(wrong.parse().unwrap(), Unit::Gram).is_err(), "{wrong}");
        }
        let most = amount("1000000", Unit::Kilogram);
        assert!(sum(&[most, amount("0.001", Unit::Gram)]).is_err());
        assert_eq!(amount("2.500", Unit::Gram).quantity.to_string(), "2.5");
    }

    /// Up to 90 of anything, so that a dozen of them can be told in every unit.
    fn any_amount() -> impl Strategy<Value = Amount> {
        (1..=90_000_i64, 0..=SCALE_LIMIT, 0..Unit::ALL.len()).prop_map(|(thousandths, scale, unit)| {
            let quantity = Decimal::new(thousandths, SCALE_LIMIT).round_dp(scale).max(Decimal::ONE);
            Amount::new(quantity, Unit::ALL[unit]).unwrap()
        })
    }

    /// How much there is of each class, in its smallest unit.
    fn totals(amounts: &[Amount]) -> Vec<(Unit, Decimal)> {
        let mut totals: Vec<(Unit, Decimal)> = Vec::new();
        for amount in amounts {
            let (base, count) = amount.unit.measure();
            let more = amount.quantity * Decimal::from(count);
            match totals.iter_mut().find(|(unit, _)| *unit == base) {
                Some((_, total)) => *total += more,
                None => totals.push((base, more)),
            }
        }
        totals.sort_by_key(|(unit, _)| unit.word());
        totals
    }

    proptest! {
        #[test]
        fn adding_loses_nothing_whatever_the_order(amounts in prop::collection::vec(any_amount(), 1..12)) {
            let mut backwards = amounts.clone();
            backwards.reverse();
            let parts = sum(&amounts).unwrap();
            prop_assert_eq!(totals(&parts), totals(&amounts));
            prop_assert_eq!(totals(&sum(&backwards).unwrap()), totals(&amounts));
            prop_assert_eq!(parts.len(), totals(&amounts).len(), "each class is once");
            for part in &parts {
                prop_assert_eq!(Amount::new(part.quantity, part.unit).unwrap(), *part, "it can be given back");
            }
            let stored: Vec<Amount> = serde_json::from_str(&serde_json::to_string(&parts).unwrap()).unwrap();
            prop_assert_eq!(stored, parts);
        }
    }
}
