//! A small world in which everything that execution has to get right occurs: interfaces, unions, lists, defaults, and
//! fields that fail where they may be null and where they may not. `tests/clients/differential.mjs` knows the same.

use async_graphql::{Enum, ID, InputObject, Interface, Object, Result, Union};

pub struct Lab;

#[Object]
impl Lab {
    async fn cat(&self, #[graphql(default = 2)] n: i32) -> Option<Cat> {
        (n >= 0).then_some(Cat(n))
    }

    async fn dog(&self, #[graphql(default = 1)] n: i32) -> Dog {
        Dog(n)
    }

    async fn animal(&self, n: Option<i32>) -> Option<Animal> {
        animal(n.unwrap_or(4))
    }

    async fn animals(&self, #[graphql(default = 3)] to: i32) -> Vec<Animal> {
        (0..to.min(5)).filter_map(animal).collect()
    }

    async fn maybe(&self, to: Option<i32>) -> Option<Vec<Option<Animal>>> {
        Some((-1..to?.min(5)).map(animal).collect())
    }

    async fn pet(&self, #[graphql(default = 1)] n: i32) -> Option<Pet> {
        pet(n)
    }

    async fn pets(&self) -> Vec<Pet> {
        (0..4).filter_map(pet).collect()
    }

    async fn number(&self, #[graphql(default = 7)] v: Option<i32>) -> Option<i32> {
        v
    }

    async fn float(&self, v: Option<f64>) -> Option<f64> {
        v
    }

    async fn text(&self, v: String) -> String {
        v
    }

    async fn mood(&self, #[graphql(default_with = "Some(Mood::Sad)")] v: Option<Mood>) -> Option<Mood> {
        v
    }

    async fn lists(&self, v: Option<Vec<Option<Vec<i32>>>>) -> Option<Vec<Option<Vec<i32>>>> {
        v
    }

    /// The box, as words.
    async fn unpacked(&self, v: Option<Box>) -> Option<String> {
        v.map(|v| v.words())
    }

    /// Fails itself.
    async fn broken(&self) -> Option<Result<Cat>> {
        Some(Err("broken".into()))
    }

    async fn again(&self) -> Self {
        Self
    }
}

fn animal(n: i32) -> Option<Animal> {
    (n >= 0).then_some(if n % 2 == 0 { Animal::Cat(Cat(n)) } else { Animal::Dog(Dog(n)) })
}

fn pet(n: i32) -> Option<Pet> {
    (n >= 0).then_some(if n % 2 == 0 { Pet::Cat(Cat(n)) } else { Pet::Dog(Dog(n)) })
}

#[derive(Interface)]
#[graphql(
    field(name = "id", ty = "ID"),
    field(name = "name", ty = "Option<String>"),
    field(name = "friend", ty = "Option<Animal>"),
    field(name = "enemies", ty = "Option<Vec<Animal>>"),
    field(name = "flaw", ty = "Option<Result<i32>>"),
    field(name = "fault", ty = "Result<i32>")
)]
pub enum Animal {
    Cat(Cat),
    Dog(Dog),
}

#[derive(Union)]
pub enum Pet {
    Cat(Cat),
    Dog(Dog),
}

pub struct Cat(i32);

pub struct Dog(i32);

#[Object]
impl Cat {
    async fn id(&self) -> ID {
        format!("cat-{}", self.0).into()
    }

    async fn name(&self) -> Option<String> {
        (self.0 % 3 != 0).then(|| format!("Cat {}", self.0))
    }

    async fn friend(&self) -> Option<Animal> {
        animal(self.0 - 1)
    }

    async fn enemies(&self) -> Option<Vec<Animal>> {
        enemies(self.0)
    }

    /// Fails where it may be null.
    async fn flaw(&self) -> Option<Result<i32>> {
        flaw(self.0)
    }

    /// Fails where it may not.
    async fn fault(&self) -> Result<i32> {
        fault(self.0)
    }

    async fn lives(&self) -> i32 {
        self.0
    }

    async fn size(&self, #[graphql(default = 1)] times: i32) -> i32 {
        self.0.wrapping_mul(times)
    }
}

#[Object]
impl Dog {
    async fn id(&self) -> ID {
        format!("dog-{}", self.0).into()
    }

    async fn name(&self) -> Option<String> {
        Some(format!("Dog {}", self.0))
    }

    async fn friend(&self) -> Option<Animal> {
        animal(self.0 - 1)
    }

    async fn enemies(&self) -> Option<Vec<Animal>> {
        enemies(self.0)
    }

    async fn flaw(&self) -> Option<Result<i32>> {
        flaw(self.0)
    }

    async fn fault(&self) -> Result<i32> {
        fault(self.0)
    }

    async fn barks(&self) -> bool {
        self.0 > 1
    }

    async fn size(&self) -> String {
        format!("{} feet", self.0)
    }
}

fn enemies(n: i32) -> Option<Vec<Animal>> {
    (n != 2).then(|| (0..n.min(2)).filter_map(animal).collect())
}

fn flaw(n: i32) -> Option<Result<i32>> {
    match n % 3 {
        0 => None,
        1 => Some(Err("a flaw".into())),
        _ => Some(Ok(n)),
    }
}

fn fault(n: i32) -> Result<i32> {
    if n % 4 == 3 { Err("a fault".into()) } else { Ok(n) }
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum Mood {
    Happy,
    Sad,
}

#[derive(InputObject)]
pub struct Box {
    #[graphql(default = 3)]
    count: i32,
    label: String,
    moods: Option<Vec<Mood>>,
    inner: Option<std::boxed::Box<Box>>,
}

impl Box {
    fn words(&self) -> String {
        let moods = self.moods.as_ref().map_or("none".to_owned(), |moods| moods.len().to_string());
        let inner = self.inner.as_ref().map_or("nothing".to_owned(), |inner| inner.words());
        format!("{} {} {} ({})", self.count, self.label, moods, inner)
    }
}
