//! How often something may be tried, by account and by where on the network it is tried from. Counted before
//! anything is verified, so that the right password costs an attempt like a wrong one.

use crate::invitation::Guest;
use crate::throttle::Limit;
use crate::{Database, Result, secret};
use std::net::IpAddr;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

const PASSWORDS_A_MINUTE: Limit = Limit { burst: 5, per: MINUTE };
const PASSWORDS_AN_HOUR: Limit = Limit { burst: 20, per: HOUR };
const FROM_ONE_PLACE: Limit = Limit { burst: 30, per: MINUTE };
const MAILS_AN_HOUR: Limit = Limit { burst: 5, per: HOUR };
const CODES_AN_HOUR: Limit = Limit { burst: 10, per: HOUR };

/// Counts a password tried for the account with this address, whether there is one or not.
pub(super) async fn password(db: &Database, email: &str) -> Result<()> {
    db.take(&bucket("password-minute", email), PASSWORDS_A_MINUTE).await?;
    db.take(&bucket("password-hour", email), PASSWORDS_AN_HOUR).await
}

/// Counts a mail that anybody may have sent to this address.
pub(super) async fn mail(db: &Database, email: &str) -> Result<()> {
    let (bucket, limit) = mails_to(email);
    db.take(&bucket, limit).await
}

/// The mails that strangers may cause to be sent to this address, whoever they are.
pub(crate) fn mails_to(email: &str) -> (String, Limit) {
    (bucket("mail-hour", email), MAILS_AN_HOUR)
}

/// Counts anything tried without a session from this place.
pub(super) async fn place(db: &Database, ip: IpAddr) -> Result<()> {
    db.take(&bucket("place-minute", &network(ip, 32, 64)), FROM_ONE_PLACE).await
}

/// Counts an invitation's code that somebody typed, signed in or not.
pub(crate) async fn code(db: &Database, guest: Guest) -> Result<()> {
    let whom = match guest {
        Guest::User(user) => user.to_string(),
        Guest::Place(ip) => network(ip, 32, 64),
    };
    db.take(&bucket("code-hour", &whom), CODES_AN_HOUR).await
}

/// A digest, so that the table of limits is no list of who tried what.
fn bucket(what: &str, whom: &str) -> String {
    let digest = hex::encode(secret::digest(&format!("{what}:{whom}")));
    let (half, _) = digest.split_at(digest.len() / 2);
    format!("{what}:{half}")
}

/// The region of the network that a person is shown for a session: enough to recognise, too little to be traced.
pub(super) fn region(ip: IpAddr) -> String {
    network(ip, 24, 48)
}

/// The network of this many leading bits that an address is in. Whoever has one address of version 6 has a whole /64.
fn network(ip: IpAddr, bits_of_v4: u32, bits_of_v6: u32) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - bits_of_v4).unwrap_or(0);
            format!("{}/{bits_of_v4}", std::net::Ipv4Addr::from_bits(ip.to_bits() & mask))
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - bits_of_v6).unwrap_or(0);
            format!("{}/{bits_of_v6}", std::net::Ipv6Addr::from_bits(ip.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_are_one_place() {
        let network = |ip: &str| network(ip.parse().unwrap(), 32, 64);
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::9"));
        assert_ne!(network("2001:db8:1:2::9"), network("2001:db8:1:3::9"));
        assert_eq!(network("::ffff:203.0.113.9"), network("203.0.113.9"));
        assert_ne!(network("203.0.113.8"), network("203.0.113.9"));
    }

    #[test]
    fn a_region_does_not_tell_the_machine() {
        assert_eq!(region("203.0.113.9".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(region("2001:db8:1:2::9".parse().unwrap()), "2001:db8:1::/48");
    }

    #[test]
    fn a_bucket_does_not_tell_whose_it_is() {
        let name = bucket("password-minute", "ada@example.org");
        assert!(name.is_ascii() && !name.contains("ada") && name.len() < 64, "{name}");
        assert_ne!(name, bucket("mail-hour", "ada@example.org"));
    }
}
