//! Types, names and what stands behind them (RFC 4506 §6.3: declaration, type-specifier).

use super::{Parser, Place};
use crate::ast::{Body, Declaration, Form, Inline, Name, Specifier};
use crate::intern::{Symbol, is_keyword, word};
use crate::lex::Kind;
use crate::model::Scalar;
use crate::source::Span;

impl Parser<'_> {
    pub(super) fn declaration(&mut self, place: Place) -> Option<Declaration> {
        let first = self.peek().span;
        let specifier = self.specifier(place)?;
        let specifier_span = first.to(self.last_span());
        let pointer = self.is(Kind::Star);
        let star = self.peek().span;
        if pointer {
            self.advance();
            if self.is(Kind::Star) {
                self.expected("a name: a pointer to a pointer needs a typedef between");
                return None;
            }
        }
        let plain_void = matches!(specifier, Specifier::Void) && !pointer;
        let name = match place {
            // `void` ends the arm, or the parenthesis.
            Place::Arm | Place::Member | Place::Typedef
                if plain_void && self.is(Kind::Semicolon) =>
            {
                None
            }
            Place::Argument => {
                let is_name = self.is(Kind::Name);
                if is_name { self.any_name("") } else { None }
            }
            Place::Result => None,
            Place::Typedef => Some(self.name("a name of the type")?),
            Place::Member | Place::Arm | Place::Discriminant => {
                Some(self.any_name(&format!("a name of {}", place.name()))?)
            }
        };
        let form = self.form(place, pointer, star, &specifier)?;
        let span = first.to(self.last_span());
        if matches!(specifier, Specifier::Void)
            && (name.is_some() || !matches!(form, Form::Plain))
            && place != Place::Typedef
        {
            self.report.error(
                specifier_span,
                format!(
                    "expected a type of {}, found `void` with a name",
                    place.name()
                ),
            );
            return None;
        }
        Some(Declaration {
            docs: Vec::new(),
            span,
            specifier,
            specifier_span,
            form,
            name,
        })
    }

    /// What stands behind the name, and whether the type may have it.
    fn form(
        &mut self,
        place: Place,
        pointer: bool,
        star: Span,
        specifier: &Specifier,
    ) -> Option<Form> {
        let open = self.peek();
        let form = match open.kind {
            Kind::LeftBracket if place != Place::Result => {
                self.advance();
                if self.is(Kind::RightBracket) {
                    self.expected("a length of the array");
                    return None;
                }
                let length = self.expression(true)?;
                self.expect(Kind::RightBracket, "`]` after the length of the array")?;
                Form::Fixed(length)
            }
            Kind::Less if place != Place::Result => {
                self.advance();
                let bound = if self.is(Kind::Greater) {
                    None
                } else {
                    Some(self.expression(true)?)
                };
                self.expect(Kind::Greater, "`>` after the bound of the array")?;
                Form::Variable(bound)
            }
            _ if pointer => Form::Pointer,
            _ => Form::Plain,
        };
        if matches!(self.peek().kind, Kind::LeftBracket | Kind::Less) && place != Place::Result {
            self.expected("`;`: an array of arrays needs a typedef between");
            return None;
        }
        if pointer && !matches!(form, Form::Pointer) {
            self.report
                .error(
                    star,
                    format!(
                        "expected a name of {}, found `*`: an array of pointers needs a typedef",
                        place.name()
                    ),
                )
                .help("typedef T *name; name array<>;");
            return None;
        }
        match (specifier, &form) {
            (Specifier::Text, Form::Variable(_))
            | (Specifier::Opaque, Form::Variable(_) | Form::Fixed(_)) => {}
            (Specifier::Text, Form::Plain) if matches!(place, Place::Argument | Place::Result) => {
                return Some(Form::Variable(None));
            }
            (Specifier::Text, Form::Pointer) | (Specifier::Opaque, Form::Pointer) => {
                let what = if matches!(specifier, Specifier::Text) {
                    "string"
                } else {
                    "opaque"
                };
                self.report.error(
                    star,
                    format!("expected a name, found `*`: a pointer to {what} needs a typedef"),
                );
                return None;
            }
            (Specifier::Text, Form::Fixed(_)) => {
                self.report.error(open.span, "expected `<` after the name of the string, found `[`: a string has no fixed length");
                return None;
            }
            (Specifier::Text, Form::Plain) => {
                self.expected("`<` after the name of the string");
                return None;
            }
            (Specifier::Opaque, Form::Plain) => {
                self.expected("`[` or `<` after the name of the opaque data");
                return None;
            }
            _ => {}
        }
        Some(form)
    }

    fn specifier(&mut self, place: Place) -> Option<Specifier> {
        let token = self.peek();
        let Some(name) = token.name() else {
            self.expected(&format!("a type of {}", place.name()));
            return None;
        };
        let inline = self.peek_at(1).kind == Kind::LeftBrace
            || (self.peek_at(2).kind == Kind::LeftBrace && self.peek_at(1).kind == Kind::Name);
        let specifier = match name {
            word::VOID => Specifier::Void,
            word::INT => Specifier::Scalar(Scalar::I32),
            word::HYPER => {
                self.advance();
                self.take_type_word(word::INT);
                return Some(Specifier::Scalar(Scalar::I64));
            }
            word::FLOAT => Specifier::Scalar(Scalar::F32),
            word::DOUBLE => Specifier::Scalar(Scalar::F64),
            word::QUADRUPLE => Specifier::Scalar(Scalar::Quad),
            word::BOOL => Specifier::Scalar(Scalar::Bool),
            word::STRING => Specifier::Text,
            word::OPAQUE => Specifier::Opaque,
            word::UNSIGNED | word::SIGNED | word::LONG | word::SHORT | word::CHAR => {
                return Some(self.c_integer());
            }
            word::ENUM if inline => return self.inline_enum(),
            word::STRUCT if inline => return self.inline_struct(),
            word::UNION
                if self.peek_at(1).is_name(word::SWITCH)
                    || self.peek_at(2).is_name(word::SWITCH) =>
            {
                return self.inline_union();
            }
            word::ENUM | word::STRUCT | word::UNION => {
                self.advance();
                return Some(Specifier::Named(self.name("a name or `{`")?));
            }
            _ if is_keyword(name) => {
                self.expected(&format!("a type of {}", place.name()));
                return None;
            }
            _ => {
                // `a::b`: namespaces are flat here, the last name counts.
                let mut last = self.name("a type")?;
                while self.take(Kind::ColonColon) {
                    last = self.name("a name after `::`")?;
                }
                return Some(Specifier::Named(last));
            }
        };
        self.advance();
        Some(specifier)
    }

    /// Takes a word that goes on a type, unless it is the name of what is declared.
    fn take_type_word(&mut self, word: Symbol) -> bool {
        self.is_word(word) && {
            self.advance();
            true
        }
    }

    /// `unsigned`, `unsigned int`, `long long unsigned int`, `short`, `char` …: C's integers, as C's filters carry them.
    ///
    /// A word that does not fit those before it is no part of the type.
    fn c_integer(&mut self) -> Specifier {
        let (mut sign, mut unsigned, mut int) = (false, false, false);
        let (mut longs, mut short, mut char, mut hyper) = (0, false, false, false);
        while let Some(name) = self.peek().name() {
            let sized = longs > 0 || short || char || hyper;
            match name {
                word::UNSIGNED | word::SIGNED if !sign => {
                    sign = true;
                    unsigned = name == word::UNSIGNED;
                }
                word::INT if !int && !char => int = true,
                word::LONG if !sized || longs == 1 => longs += 1,
                word::SHORT if !sized => short = true,
                word::CHAR if !sized && !int => char = true,
                word::HYPER if !sized && !int => hyper = true,
                _ => break,
            }
            self.advance();
        }
        // `long` is 4 octets on the wire (xdr_long), `long long` is 8.
        Specifier::Scalar(match (unsigned, char, short, hyper || longs > 1) {
            (false, true, ..) => Scalar::I8,
            (true, true, ..) => Scalar::U8,
            (false, _, true, _) => Scalar::I16,
            (true, _, true, _) => Scalar::U16,
            (false, _, _, true) => Scalar::I64,
            (true, _, _, true) => Scalar::U64,
            (false, ..) => Scalar::I32,
            (true, ..) => Scalar::U32,
        })
    }

    fn inline_tag(&mut self) -> Option<Name> {
        self.advance();
        let token = self.peek();
        let symbol = token.name().filter(|symbol| *symbol != word::SWITCH)?;
        self.advance();
        Some(Name {
            symbol,
            span: token.span,
        })
    }

    pub(super) fn inline(&mut self, from: Span, tag: Option<Name>, body: Body) -> Specifier {
        let slot = self.out.inline_count;
        self.out.inline_count += 1;
        Specifier::Inline(Box::new(Inline {
            tag,
            slot,
            span: from.to(self.last_span()),
            body,
        }))
    }

    fn inline_enum(&mut self) -> Option<Specifier> {
        self.deeper()?;
        let from = self.peek().span;
        let tag = self.inline_tag();
        let body = Body::Enum(self.enum_body(&mut Vec::new())?);
        self.depth -= 1;
        Some(self.inline(from, tag, body))
    }

    fn inline_struct(&mut self) -> Option<Specifier> {
        self.deeper()?;
        let from = self.peek().span;
        let tag = self.inline_tag();
        let body = Body::Struct(self.struct_body(&mut Vec::new())?);
        self.depth -= 1;
        Some(self.inline(from, tag, body))
    }

    fn inline_union(&mut self) -> Option<Specifier> {
        self.deeper()?;
        let from = self.peek().span;
        let tag = self.inline_tag();
        let body = Body::Union(Box::new(self.union_body(&mut Vec::new())?));
        self.depth -= 1;
        Some(self.inline(from, tag, body))
    }
}
