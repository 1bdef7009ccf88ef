//! Who lives in the demo household, and where they talk.

/// One of the five.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Zoe,
    Xiaoyu,
    Layla,
    Marina,
    Arjun,
}

/// A person as they register.
pub(super) struct Person {
    /// What stands for them in the scripts.
    pub(super) letter: char,
    pub(super) name: &'static str,
    pub(super) email: &'static str,
    pub(super) role: &'static str,
    /// They use the first for a month, then the next, and so on; at the end they are signed in on all.
    pub(super) devices: &'static [&'static str],
}

const ZOE: Person = Person {
    letter: 'z',
    name: "Zoë",
    email: "zoe@example.org",
    role: "OWNER",
    devices: &["Zoë’s phone", "ThinkPad", "Kitchen tablet"],
};
const XIAOYU: Person = Person {
    letter: 'x',
    name: "王小雨",
    email: "xiaoyu@example.org",
    role: "MEMBER",
    devices: &["小雨的手机", "MacBook"],
};
const LAYLA: Person = Person {
    letter: 'l',
    name: "ليلى",
    email: "layla@example.org",
    role: "MEMBER",
    devices: &["هاتف ليلى", "Library computer"],
};
const MARINA: Person = Person {
    letter: 'm',
    name: "Марина",
    email: "marina@example.org",
    role: "ADMIN",
    devices: &["Телефон Марины", "Компьютер на работе", "iPad"],
};
const ARJUN: Person = Person {
    letter: 'a',
    name: "अर्जुन",
    email: "arjun@example.org",
    role: "GUEST",
    devices: &["अर्जुन का फ़ोन", "Workstation", "Old laptop"],
};

/// Everyone's password: the household is for trying things out.
pub(super) const PASSWORD: &str = "nine kettles under the stairs";

impl Who {
    pub(super) const ALL: [Self; 5] = [Self::Zoe, Self::Xiaoyu, Self::Layla, Self::Marina, Self::Arjun];

    pub(super) const fn person(self) -> Person {
        match self {
            Self::Zoe => ZOE,
            Self::Xiaoyu => XIAOYU,
            Self::Layla => LAYLA,
            Self::Marina => MARINA,
            Self::Arjun => ARJUN,
        }
    }

    /// The person this letter stands for.
    pub(super) fn of_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|who| who.person().letter == letter)
    }
}

/// Something for each of the five, in the order of [`Who::ALL`].
pub(super) struct Each<T>(pub(super) [T; 5]);

impl<T> Each<T> {
    /// Everybody's.
    pub(super) fn all(&mut self) -> impl Iterator<Item = (Who, &mut T)> {
        Who::ALL.into_iter().zip(&mut self.0)
    }

    pub(super) const fn of(&mut self, who: Who) -> &mut T {
        let [zoe, xiaoyu, layla, marina, arjun] = &mut self.0;
        match who {
            Who::Zoe => zoe,
            Who::Xiaoyu => xiaoyu,
            Who::Layla => layla,
            Who::Marina => marina,
            Who::Arjun => arjun,
        }
    }
}

/// A conversation of the household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    General,
    Bills,
    Kitchen,
    Party,
    Pair,
    Trio,
}

/// How a conversation comes to be.
pub(super) enum Opening {
    /// With the household.
    WithHousehold,
    /// Somebody opens it on a topic.
    Topic(Who, &'static str),
    /// Somebody opens it with others.
    Direct(Who, &'static [Who]),
}

impl Place {
    pub(super) const ALL: [Self; 6] =
        [Self::General, Self::Bills, Self::Kitchen, Self::Party, Self::Pair, Self::Trio];

    pub(super) const fn opening(self) -> Opening {
        match self {
            Self::General => Opening::WithHousehold,
            Self::Bills => Opening::Topic(Who::Zoe, "Bills & rent 💶"),
            Self::Kitchen => Opening::Topic(Who::Marina, "Кухня · Kitchen · 厨房 🍲"),
            Self::Party => Opening::Topic(Who::Layla, "Parties & birthdays 🎈"),
            Self::Pair => Opening::Direct(Who::Zoe, &[Who::Arjun]),
            Self::Trio => Opening::Direct(Who::Marina, &[Who::Xiaoyu, Who::Layla]),
        }
    }

    /// Whether this person takes part.
    pub(super) fn includes(self, who: Who) -> bool {
        match self.opening() {
            Opening::Direct(opener, others) => who == opener || others.contains(&who),
            Opening::WithHousehold | Opening::Topic(..) => true,
        }
    }

    /// What it is called in the scripts.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Bills => "bills",
            Self::Kitchen => "kitchen",
            Self::Party => "party",
            Self::Pair => "zoe-arjun",
            Self::Trio => "trio",
        }
    }
}
