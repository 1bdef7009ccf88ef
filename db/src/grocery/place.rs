//! Places in an order that people make: between any two there is another, so that moving one thing moves no other, and two
//! who move two things at once both have their way.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Binary;
use fractional_index::FractionalIndex;
use std::fmt;

/// Longer ones are made anew, with those of everything beside them.
const LENGTH_LIMIT: usize = 64;

/// A place in an order: a fractional index, compared as bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub struct Place(Vec<u8>);

impl Place {
    /// A place after one and before another, or at the end or the beginning where there is no such. Nothing if there is none,
    /// as the two are the same or the wrong way round, or if it would be a long one: it is time to [`Place::spread`] them.
    pub(super) fn between(after: Option<&Self>, before: Option<&Self>) -> Option<Self> {
        let index = |place: &Self| FractionalIndex::from_bytes(place.0.clone()).ok();
        let (after, before) = (after.and_then(index), before.and_then(index));
        let found = FractionalIndex::new(after.as_ref(), before.as_ref())?;
        let bytes = found.as_bytes().to_vec();
        (bytes.len() <= LENGTH_LIMIT).then_some(Self(bytes))
    }

    /// So many places, one after the other, all short.
    pub(super) fn spread(count: usize) -> Vec<Self> {
        let mut index = FractionalIndex::default();
        let mut places = Vec::with_capacity(count);
        for _ in 0..count {
            places.push(Self(index.as_bytes().to_vec()));
            index = FractionalIndex::new_after(&index);
        }
        places
    }

    /// Places in this order, of which those that are there stay as they are: all are made anew only where there is no room for
    /// what is to come between two of them.
    pub(super) fn fill(places: &[Option<Self>]) -> Vec<Self> {
        let mut filled: Vec<Self> = Vec::with_capacity(places.len());
        for (at, place) in places.iter().enumerate() {
            let next = || places.iter().skip(at).flatten().next();
            match place.clone().or_else(|| Self::between(filled.last(), next())) {
                Some(place) => filled.push(place),
                None => return Self::spread(places.len()),
            }
        }
        filled
    }
}

/// In hexadecimal, in whose order as text places are.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(&self.0))
    }
}

impl<DB: Backend> FromSql<Binary, DB> for Place
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Vec::<u8>::from_sql(bytes).map(Self)
    }
}

impl<DB: Backend> ToSql<Binary, DB> for Place
where
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        <[u8] as ToSql<Binary, DB>>::to_sql(&self.0, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_that_only_grows_keeps_short_places() {
        let places = Place::spread(5000);
        assert!(places.is_sorted_by(|one, next| one < next));
        assert!(places.iter().all(|place| place.0.len() <= LENGTH_LIMIT));
    }

    #[test]
    fn all_are_made_anew_where_there_is_no_room() {
        let mut places = Place::spread(2);
        let mut count = 0;
        while let Some(place) = Place::between(places.first(), places.get(1)) {
            places.insert(1, place);
            count += 1;
        }
        assert!(count > 50, "there is room for {count}");
        let mut wanted: Vec<_> = places.into_iter().map(Some).collect();
        wanted.insert(1, None);
        assert_eq!(Place::fill(&wanted), Place::spread(wanted.len()));
    }

    proptest! {
        #[test]
        fn moving_one_moves_no_other(moves in prop::collection::vec((0..20_usize, 0..20_usize), 1..300)) {
            let mut things: Vec<(usize, Place)> = Place::spread(20).into_iter().enumerate().collect();
            let mut model: Vec<usize> = (0..20).collect();
            for (from, to) in moves {
                let thing = model.remove(from);
                model.insert(to, thing);
                things.retain(|(other, _)| *other != thing);
                let before = things.get(to).map(|(_, place)| place);
                let after = to.checked_sub(1).and_then(|to| things.get(to)).map(|(_, place)| place);
                let place = if let Some(place) = Place::between(after, before) {
                    place
                } else {
                    let fresh = Place::spread(things.len());
                    for ((_, place), fresh) in things.iter_mut().zip(fresh) {
                        *place = fresh;
                    }
                    let before = things.get(to).map(|(_, place)| place);
                    let after = to.checked_sub(1).and_then(|to| things.get(to)).map(|(_, place)| place);
                    Place::between(after, before).expect("there is room among short places")
                };
                things.push((thing, place));
                things.sort_by(|(_, one), (_, other)| one.cmp(other));
                let order: Vec<_> = things.iter().map(|(thing, _)| *thing).collect();
                prop_assert_eq!(&order, &model);
            }
        }

        #[test]
        fn what_is_there_stays_where_there_is_room(blanks in prop::collection::vec(any::<bool>(), 0..40)) {
            let spread = Place::spread(blanks.len());
            let places: Vec<_> =
                spread.iter().zip(&blanks).map(|(place, is_blank)| (!is_blank).then(|| place.clone())).collect();
            let filled = Place::fill(&places);
            prop_assert_eq!(filled.len(), places.len());
            prop_assert!(filled.is_sorted_by(|one, next| one < next));
            for (place, filled) in places.iter().zip(&filled) {
                prop_assert!(place.as_ref().is_none_or(|place| place == filled));
            }
        }
    }
}
