//! A schema's text as a flat list of everything in it that has a name.

use async_graphql_parser::Positioned;
use async_graphql_parser::types::{
    ConstDirective, FieldDefinition, InputValueDefinition, ServiceDocument, Type, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};

/// Something with a name. Directives are left out: the schema defines none but the specification's own.
pub struct Element<'a> {
    /// Its schema coordinate: `Type`, `Type.field`, `Type.field(argument:)`, `Enum.VALUE`; also `Union.Member` and
    /// `Type implements Interface`.
    pub at: String,
    /// The coordinate of what it is part of.
    pub owner: Option<String>,
    pub name: &'a str,
    pub description: Option<&'a str>,
    pub directives: &'a [Positioned<ConstDirective>],
    pub part: Part<'a>,
}

pub enum Part<'a> {
    Type(&'a TypeKind),
    Field(&'a FieldDefinition),
    Argument(&'a InputValueDefinition),
    InputField(&'a InputValueDefinition),
    EnumValue,
    /// A name of a type that another list holds: an interface implemented, a member of a union.
    Mention,
}

impl Element<'_> {
    pub fn directive(&self, name: &str) -> Option<&ConstDirective> {
        self.directives.iter().map(|directive| &directive.node).find(|directive| directive.name.node == name)
    }
}

pub fn read(sdl: &str) -> ServiceDocument {
    async_graphql_parser::parse_schema(sdl).unwrap()
}

pub fn elements(document: &ServiceDocument) -> Vec<Element<'_>> {
    let mut elements = Vec::new();
    for definition in &document.definitions {
        if let TypeSystemDefinition::Type(definition) = definition {
            add_type(&definition.node, &mut elements);
        }
    }
    elements
}

fn add_type<'a>(definition: &'a TypeDefinition, elements: &mut Vec<Element<'a>>) {
    let name = definition.name.node.as_str();
    elements.push(Element {
        at: name.to_owned(),
        owner: None,
        name,
        description: text(definition.description.as_ref()),
        directives: &definition.directives,
        part: Part::Type(&definition.kind),
    });
    match &definition.kind {
        TypeKind::Scalar => {}
        TypeKind::Object(object) => add_object(name, &object.implements, &object.fields, elements),
        TypeKind::Interface(interface) => {
            add_object(name, &interface.implements, &interface.fields, elements);
        }
        TypeKind::Union(union) => {
            let mentions =
                union.members.iter().map(|member| mention(format!("{name}.{}", member.node), name, member));
            elements.extend(mentions);
        }
        TypeKind::Enum(values) => elements.extend(values.values.iter().map(|value| Element {
            at: format!("{name}.{}", value.node.value.node),
            owner: Some(name.to_owned()),
            name: &value.node.value.node,
            description: text(value.node.description.as_ref()),
            directives: &value.node.directives,
            part: Part::EnumValue,
        })),
        TypeKind::InputObject(input) => elements.extend(input.fields.iter().map(|field| Element {
            at: format!("{name}.{}", field.node.name.node),
            part: Part::InputField(&field.node),
            ..input_value(name, &field.node)
        })),
    }
}

fn add_object<'a>(
    name: &'a str,
    implements: &'a [Positioned<async_graphql::Name>],
    fields: &'a [Positioned<FieldDefinition>],
    elements: &mut Vec<Element<'a>>,
) {
    let mentions = implements
        .iter()
        .map(|interface| mention(format!("{name} implements {}", interface.node), name, interface));
    elements.extend(mentions);
    for field in fields {
        let field = &field.node;
        let at = format!("{name}.{}", field.name.node);
        elements.extend(field.arguments.iter().map(|argument| Element {
            at: format!("{at}({}:)", argument.node.name.node),
            ..input_value(&at, &argument.node)
        }));
        elements.push(Element {
            at,
            owner: Some(name.to_owned()),
            name: &field.name.node,
            description: text(field.description.as_ref()),
            directives: &field.directives,
            part: Part::Field(field),
        });
    }
}

fn mention<'a>(at: String, owner: &str, name: &'a Positioned<async_graphql::Name>) -> Element<'a> {
    Element {
        at,
        owner: Some(owner.to_owned()),
        name: &name.node,
        description: None,
        directives: &[],
        part: Part::Mention,
    }
}

fn input_value<'a>(owner: &str, value: &'a InputValueDefinition) -> Element<'a> {
    Element {
        at: String::new(),
        owner: Some(owner.to_owned()),
        name: &value.name.node,
        description: text(value.description.as_ref()),
        directives: &value.directives,
        part: Part::Argument(value),
    }
}

fn text(description: Option<&Positioned<String>>) -> Option<&str> {
    description.map(|text| text.node.as_str())
}

/// Whether it may be left out.
pub fn is_optional(value: &InputValueDefinition) -> bool {
    value.ty.node.nullable || value.default_value.is_some()
}

/// The name inside a type's lists and exclamation marks.
pub fn named(ty: &Type) -> &str {
    match &ty.base {
        async_graphql_parser::types::BaseType::Named(name) => name,
        async_graphql_parser::types::BaseType::List(item) => named(item),
    }
}
