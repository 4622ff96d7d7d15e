//! A `.x` file as written: names not yet looked up, types still within types (RFC 4506 §6.3, RFC 5531 §12.2).

use crate::intern::Symbol;
use crate::lex::Kind;
use crate::model::Scalar;
use crate::source::Span;

/// All of a file and of what it includes.
#[derive(Debug, Default)]
pub(crate) struct Specification {
    pub(crate) definitions: Vec<Definition>,
    /// `%#define NAME value`: what C would know, used where nothing else has the name.
    pub(crate) passed_constants: Vec<(Name, Expression)>,
    /// How many types without a place of their own there are: [`Inline::slot`] is below it.
    pub(crate) inline_count: usize,
    /// Names whose definitions could not be read: using them is no further error.
    pub(crate) broken: Vec<Symbol>,
    /// A definition could not be read before its name was known: any name may be its.
    pub(crate) unknown_broken: bool,
}

/// A name and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    pub(crate) symbol: Symbol,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) docs: Vec<String>,
    /// From the first token to the semicolon.
    pub(crate) span: Span,
    pub(crate) kind: DefinitionKind,
}

#[derive(Debug)]
pub(crate) enum DefinitionKind {
    Constant(Name, Expression),
    Enum(Name, Vec<Member>),
    Struct(Name, Vec<Declaration>),
    Union(Name, Box<Union>),
    Typedef(Declaration),
    Program(Program),
    /// `%` lines in a row.
    Passthrough(Vec<Span>),
}

/// An integer or a string.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) span: Span,
    pub(crate) kind: ExpressionKind,
}

#[derive(Debug)]
pub(crate) enum ExpressionKind {
    Number { value: u64, decimal: bool },
    Char(u64),
    Text(Symbol),
    Name(Symbol),
    Negative(Box<Expression>),
    Complement(Box<Expression>),
    Binary(Kind, Box<(Expression, Expression)>),
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) docs: Vec<String>,
    pub(crate) name: Name,
    /// Without one, the value is one more than that of the member before.
    pub(crate) value: Option<Expression>,
}

/// A type specifier.
#[derive(Debug)]
pub(crate) enum Specifier {
    Scalar(Scalar),
    Text,
    Opaque,
    Void,
    /// `foo`, `struct foo`, `enum foo`, `union foo`
    Named(Name),
    /// A type written where it is used.
    Inline(Box<Inline>),
}

#[derive(Debug)]
pub(crate) struct Inline {
    /// `struct tag { … } x` defines `tag`, too.
    pub(crate) tag: Option<Name>,
    /// Its number among all of its kind.
    pub(crate) slot: usize,
    pub(crate) span: Span,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) enum Body {
    Enum(Vec<Member>),
    Struct(Vec<Declaration>),
    Union(Box<Union>),
}

#[derive(Debug)]
pub(crate) enum Form {
    Plain,
    Pointer,
    Fixed(Expression),
    Variable(Option<Expression>),
}

/// A member, a typedef, the payload of an arm, an argument or a result.
#[derive(Debug)]
pub(crate) struct Declaration {
    pub(crate) docs: Vec<String>,
    /// Without the semicolon.
    pub(crate) span: Span,
    pub(crate) specifier: Specifier,
    pub(crate) specifier_span: Span,
    pub(crate) form: Form,
    /// Arguments and results need none, `void` has none.
    pub(crate) name: Option<Name>,
}

#[derive(Debug)]
pub(crate) struct Union {
    pub(crate) discriminant: Declaration,
    pub(crate) arms: Vec<Arm>,
    pub(crate) default: Option<Arm>,
}

#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) docs: Vec<String>,
    /// Empty for the default.
    pub(crate) labels: Vec<Expression>,
    pub(crate) declaration: Declaration,
}

#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: Name,
    pub(crate) number: Expression,
    pub(crate) versions: Vec<Version>,
}

#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) docs: Vec<String>,
    pub(crate) name: Name,
    pub(crate) number: Expression,
    pub(crate) procedures: Vec<Procedure>,
}

#[derive(Debug)]
pub(crate) struct Procedure {
    pub(crate) docs: Vec<String>,
    /// With the semicolon.
    pub(crate) span: Span,
    pub(crate) name: Name,
    pub(crate) number: Expression,
    pub(crate) result: Declaration,
    /// Empty for `void`.
    pub(crate) arguments: Vec<Declaration>,
}
