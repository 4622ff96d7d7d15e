//! What a `.x` file says once its names are resolved: what the emitters read.
//!
//! A [`Model`] is plain data in source order, built by the resolver (or by hand, as the tests of the emitters do). Every name has
//! been looked up: a use of a type is a [`Type::Named`] with the place of its item in [`Model::items`], before or after the use.
//! Names are those of the `.x` file; only the emitters turn them into Rust's.
//!
//! Nested anonymous types have become items of their own, placed just before the item that holds them, with the name
//! `parent_member`. Preprocessor lines are gone, and so are namespaces. What the resolver promises: no duplicate name among
//! items (of constants, enum members, types and programs together), no duplicate case of a union, labels and enum values that
//! fit their types, procedures and versions with numbers of their own, and no type that holds itself without a pointer, an
//! array or a union between (see [`crate::emit::infinite_types`]).

/// A whole `.x` file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// The file's base name, `echo.x`: all that the output says about where it comes from.
    pub file: String,
    /// Everything declared, in source order; files read by `#include` in their place.
    pub items: Vec<Item>,
}

impl Model {
    /// The item a [`Type::Named`] or a [`Bound`] refers to, if there is one.
    #[must_use]
    pub fn item(&self, id: ItemId) -> Option<&Item> {
        self.items.get(id.0)
    }
}

/// Place of an item in [`Model::items`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(pub usize);

/// One declaration at the top of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// As in the `.x` file.
    pub name: String,
    /// The comments before it, without their marks: [`Member::docs`] says how.
    pub docs: Vec<String>,
    /// Its text in the `.x` file from the first token to the semicolon; comments may still be inside.
    pub text: String,
    /// What it declares.
    pub kind: ItemKind,
}

/// What an item declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// `const NAME = value;`
    Constant(Value),
    /// `enum NAME { … };`
    Enum(Vec<Member>),
    /// `struct NAME { … };`; void members are left out.
    Struct(Vec<Field>),
    /// `union NAME switch (…) { … };`
    Union(Union),
    /// `typedef …;`
    Typedef(Shape),
    /// `program NAME { … } = number;`
    Program(Program),
    /// A run of `%` lines, without the marks, lines ended by `\n`; the item's name is empty.
    Hook(String),
}

/// Value of a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// From −2⁶³ to 2⁶⁴−1.
    Int {
        /// The number.
        value: i128,
        /// Whether the file writes it in hexadecimal or octal: the output then is hexadecimal.
        hex: bool,
    },
    /// A string constant, escapes resolved.
    Text(String),
}

/// A member of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// As in the `.x` file.
    pub name: String,
    /// The comments before it, or after it on its line: a line each, without comment marks, leading asterisks and the
    /// indentation they share, blank lines at both ends left out.
    pub docs: Vec<String>,
    /// Its value; several members may have the same.
    pub value: i32,
}

/// A member of a struct or the payload of a union's arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As in the `.x` file.
    pub name: String,
    /// As for [`Member::docs`].
    pub docs: Vec<String>,
    /// Its text in the `.x` file without the semicolon: `string name<REC_NAME_MAX>`.
    pub text: String,
    /// Its type.
    pub shape: Shape,
}

/// The forms a declaration can have (RFC 4506 §6.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `T name`
    Plain(Type),
    /// `string name<max>`
    Text(Bound),
    /// `opaque name<max>`
    Opaque(Bound),
    /// `opaque name[len]`
    FixedOpaque(Bound),
    /// `T name<max>`
    Array(Type, Bound),
    /// `T name[len]`
    FixedArray(Type, Bound),
    /// `T *name`
    Optional(Type),
}

/// A length, or the most a length may be; in octets or elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The number; `u32::MAX` where the file gives none.
    pub value: u32,
    /// The constant that was named, if it is an item of this model: the output then names it too.
    pub constant: Option<ItemId>,
}

impl Bound {
    /// `<>`
    pub const NONE: Self = Self::number(u32::MAX);

    /// A number as such.
    #[must_use]
    pub const fn number(value: u32) -> Self {
        Self {
            value,
            constant: None,
        }
    }
}

/// A type as it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A type of the language.
    Scalar(Scalar),
    /// A type of this file.
    Named(ItemId),
    /// A type from elsewhere (`--extern-type NAME=PATH`).
    Extern {
        /// As in the `.x` file.
        name: String,
        /// Where it is in Rust: `crate::types::Thing`. It has `Clone`, `Debug`, `PartialEq`, `Encode`, `Decode`, and, if a union
        /// is switched by it, `XdrEnum`.
        path: String,
    },
}

/// Types of the language with one size (RFC 4506 §4.1–4.8), and C's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// `bool`
    Bool,
    /// `char`: 4 octets on the wire, as the next three.
    I8,
    /// `unsigned char`
    U8,
    /// `short`
    I16,
    /// `unsigned short`
    U16,
    /// `int`, `long` (4 octets on the wire, as in C's `xdr_long`)
    I32,
    /// `unsigned int`, `unsigned`, `unsigned long`
    U32,
    /// `hyper`
    I64,
    /// `unsigned hyper`
    U64,
    /// `float`
    F32,
    /// `double`
    F64,
    /// `quadruple`
    Quad,
}

/// A discriminated union (RFC 4506 §4.15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Union {
    /// Name of the discriminant.
    pub tag_name: String,
    /// Its type: an integer of 32 bits or less, a bool, an enum, a typedef of one of these, or an extern.
    pub tag: Type,
    /// The cases in source order.
    pub arms: Vec<Arm>,
    /// The default case, if there is one; wherever it stood.
    pub default: Option<DefaultArm>,
}

/// A case of a union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// One or more.
    pub labels: Vec<Label>,
    /// As for [`Member::docs`].
    pub docs: Vec<String>,
    /// The payload; `None` for `void`.
    pub field: Option<Field>,
}

/// The default case of a union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultArm {
    /// As for [`Member::docs`].
    pub docs: Vec<String>,
    /// The payload; `None` for `void`.
    pub field: Option<Field>,
}

/// A label of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The identifier, `TRUE` or `FALSE`, or `'a'`; `None` for a number.
    pub name: Option<String>,
    /// Its value: 0 or 1 for a bool.
    pub value: i64,
}

/// A program (RFC 5531 §12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program number.
    pub number: u32,
    /// Its versions in source order.
    pub versions: Vec<Version>,
}

/// A version of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// As in the `.x` file.
    pub name: String,
    /// As for [`Member::docs`].
    pub docs: Vec<String>,
    /// The version number.
    pub number: u32,
    /// Its procedures in source order.
    pub procedures: Vec<Procedure>,
}

/// A procedure of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Procedure {
    /// As in the `.x` file.
    pub name: String,
    /// As for [`Member::docs`].
    pub docs: Vec<String>,
    /// Its text in the `.x` file with the semicolon.
    pub text: String,
    /// The procedure number.
    pub number: u32,
    /// What it takes; empty for `void`.
    pub arguments: Vec<Argument>,
    /// What it gives; `None` for `void`. `string` is [`Shape::Text`] without a bound, `T *` is [`Shape::Optional`].
    pub result: Option<Shape>,
}

/// An argument of a procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name, if the file gives one.
    pub name: Option<String>,
    /// Its type; as for [`Procedure::result`].
    pub shape: Shape,
}
