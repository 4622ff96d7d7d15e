//! Text as rustfmt would set it: the few shapes that the output is made of.
//!
//! rustfmt's widths: 100 for a line, 60 for the arguments of a call and for a chain of methods, 18 for the members of a struct
//! literal. What would not fit is avoided by the emitters, with a name bound before.

use std::fmt::Write as _;

const WIDTH: usize = 100;
const CALL_WIDTH: usize = 60;
const CHAIN_WIDTH: usize = 60;
const LITERAL_WIDTH: usize = 18;
const SHORT_ARGUMENT: usize = 10;
const ATTRIBUTE_WIDTH: usize = 70;

/// Writes a line: `line!(out, indent, "format", …)`.
macro_rules! line {
    ($out:expr, $indent:expr, $($format:tt)+) => {{
        $crate::emit::text::pad($out, $indent);
        let _ = core::fmt::Write::write_fmt($out, format_args!($($format)+));
        $out.push('\n');
    }};
}
pub(super) use line;

pub(super) fn pad(out: &mut String, indent: usize) {
    const BLANKS: &str = "                                                                ";
    out.push_str(BLANKS.get(..indent).unwrap_or(BLANKS));
}

/// Whether a line of this text fits.
pub(super) fn fits(indent: usize, text: &str) -> bool {
    indent + text.chars().count() <= WIDTH
}

/// Whether arguments fit between the parentheses of a call on one line.
pub(super) fn fits_call(arguments: &str) -> bool {
    arguments.chars().count() <= CALL_WIDTH
}

/// A value and what is called on it: `d` and `.string(255)`, `.field("name")?`.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    root: String,
    links: Vec<String>,
}

impl Chain {
    pub(super) fn new(root: impl Into<String>) -> Self {
        Self {
            root: root.into(),
            links: Vec::new(),
        }
    }

    pub(super) fn link(mut self, link: impl Into<String>) -> Self {
        self.links.push(link.into());
        self
    }

    /// Adds `?` or the like.
    pub(super) fn end(mut self, end: &str) -> Self {
        self.links
            .last_mut()
            .unwrap_or(&mut self.root)
            .push_str(end);
        self
    }

    /// Columns that it takes on one line, if rustfmt leaves it there as far as it alone decides.
    fn one_line_width(&self) -> Option<usize> {
        let links: usize = self.links.iter().map(|link| link.chars().count()).sum();
        let width = self.root.chars().count() + links;
        // rustfmt counts a `?` at the end twice.
        let counted =
            width + usize::from(self.links.last().is_some_and(|link| link.ends_with('?')));
        (self.links.len() <= 1 || counted <= CHAIN_WIDTH).then_some(width)
    }

    /// The text, if rustfmt leaves it on one line as far as it alone decides.
    pub(super) fn one_line(&self) -> Option<String> {
        self.one_line_width()
            .map(|_| self.root.clone() + &self.links.concat())
    }

    fn push_one_line(&self, out: &mut String, after: &str) {
        out.push_str(&self.root);
        self.links.iter().for_each(|link| out.push_str(link));
        out.push_str(after);
        out.push('\n');
    }

    /// Writes `before`, the chain and `after`, over several lines if need be.
    pub(super) fn put(&self, out: &mut String, indent: usize, before: &str, after: &str) {
        if let Some(width) = self.one_line_width() {
            let alone = width + after.len();
            let spare = if self.links.last().is_some_and(|link| link.ends_with(")?")) {
                2
            } else {
                0
            };
            let whole = indent + before.chars().count() + alone;
            if whole + spare <= WIDTH || (before.is_empty() && self.links.is_empty()) {
                pad(out, indent);
                out.push_str(before);
                self.push_one_line(out, after);
                return;
            }
            // A member of a literal stays beside its name.
            let stays = before.is_empty() || before.ends_with(": ");
            if !stays && indent + 4 + alone <= WIDTH {
                line!(out, indent, "{}", before.trim_end());
                pad(out, indent + 4);
                self.push_one_line(out, after);
                return;
            }
        }
        // A call beside the name of a member breaks within its parentheses.
        if before.ends_with(": ")
            && (self.links.is_empty() || !fits(indent, &format!("{before}{}", self.root)))
            && let Some((callee, rest)) = self.root.split_once('(')
            && let Some((argument, end)) = rest.rsplit_once(')')
            && fits(indent, &format!("{before}{callee}("))
        {
            line!(out, indent, "{before}{callee}(");
            line!(out, indent + 4, "{argument},");
            let last = if self.links.is_empty() { after } else { "" };
            line!(out, indent, "){end}{last}");
            for (at, link) in self.links.iter().enumerate() {
                let after = if at + 1 == self.links.len() {
                    after
                } else {
                    ""
                };
                line!(out, indent, "{link}{after}");
            }
            return;
        }
        let mut links = self.links.as_slice();
        let mut first = format!("{before}{}", self.root);
        if !before.is_empty() && !fits(indent, &first) {
            line!(out, indent, "{}", before.trim_end());
            self.put(out, indent + 4, "", after);
            return;
        }
        // A short root keeps its first call, at the start of a line.
        if before.is_empty()
            && self.root.len() <= 4
            && let Some((link, rest)) = links.split_first()
        {
            first.push_str(link);
            links = rest;
        }
        line!(out, indent, "{first}");
        for (at, link) in links.iter().enumerate() {
            let after = if at + 1 == links.len() { after } else { "" };
            line!(out, indent + 4, "{link}{after}");
        }
    }
}

/// A member of a struct literal.
pub(super) enum Init {
    /// A variable of the same name.
    Same(String),
    /// Name and value.
    Value(String, Chain),
}

/// Writes `before { members } after`.
pub(super) fn literal(
    out: &mut String,
    indent: usize,
    before: &str,
    members: &[Init],
    after: &str,
) {
    if members.is_empty() {
        line!(out, indent, "{before} {{}}{after}");
        return;
    }
    // Columns between the braces, with the commas.
    let width = members.iter().try_fold(0, |sum, member| {
        let width = match member {
            Init::Same(name) => name.len(),
            Init::Value(name, value) => name.len() + 2 + value.one_line_width()?,
        };
        Some(sum + width + 2)
    });
    if width.is_some_and(|width| width - 2 <= LITERAL_WIDTH) {
        let text = |member: &Init| match member {
            Init::Same(name) => name.clone(),
            Init::Value(name, value) => format!("{name}: {}", value.one_line().unwrap_or_default()),
        };
        let texts: Vec<String> = members.iter().map(text).collect();
        line!(out, indent, "{before} {{ {} }}{after}", texts.join(", "));
        return;
    }
    line!(out, indent, "{before} {{");
    for member in members {
        match member {
            Init::Same(name) => line!(out, indent + 4, "{name},"),
            Init::Value(name, value) => value.put(out, indent + 4, &format!("{name}: "), ","),
        }
    }
    line!(out, indent, "}}{after}");
}

/// Writes `pattern => body,`, or the body in a block below.
pub(super) fn arm(out: &mut String, indent: usize, pattern: &str, body: &str) {
    let whole = format!("{pattern} => {body},");
    if fits(indent, &whole) {
        line!(out, indent, "{whole}");
    } else {
        line!(out, indent, "{pattern} => {{");
        line!(out, indent + 4, "{body}");
        line!(out, indent, "}}");
    }
}

/// Writes the head of an `impl Trait for Type` and its brace.
pub(super) fn impl_for(out: &mut String, head: &str, name: &str) {
    let whole = format!("{head} for {name} {{");
    if fits(0, &whole) {
        line!(out, 0, "{whole}");
    } else {
        line!(out, 0, "{head}");
        line!(out, 4, "for {name}");
        line!(out, 0, "{{");
    }
}

/// Writes `name(a, b) after` as the head of a function, the parameters each on a line if need be.
pub(super) fn signature(
    out: &mut String,
    indent: usize,
    name: &str,
    parameters: &[String],
    after: &str,
) {
    let whole = format!("{name}({}){after}", parameters.join(", "));
    if fits(indent, &whole) {
        line!(out, indent, "{whole}");
    } else {
        line!(out, indent, "{name}(");
        for parameter in parameters {
            line!(out, indent + 4, "{parameter},");
        }
        let last = format!("){after}");
        match last.strip_suffix(" {").filter(|_| !fits(indent + 3, &last)) {
            Some(last) => line!(out, indent, "{last}\n{:indent$}{{", ""),
            None => line!(out, indent, "{last}"),
        }
    }
}

/// Writes `before name(arguments) after`, the arguments each on a line if need be.
pub(super) fn call(
    out: &mut String,
    indent: usize,
    before: &str,
    arguments: &[String],
    after: &str,
) {
    let inner = arguments.join(", ");
    let whole = format!("{before}({inner}){after}");
    if fits_call(&inner) && fits(indent, &whole) {
        line!(out, indent, "{whole}");
        return;
    }
    line!(out, indent, "{before}(");
    // Short ones share a line.
    let short = arguments
        .iter()
        .all(|argument| argument.len() <= SHORT_ARGUMENT);
    if short && fits(indent + 4, &format!("{inner},")) {
        line!(out, indent + 4, "{inner},");
    } else {
        for argument in arguments {
            line!(out, indent + 4, "{argument},");
        }
    }
    line!(out, indent, "){after}");
}

/// Writes a variant of an enum with its payload.
pub(super) fn variant(out: &mut String, name: &str, payload: &[&str]) {
    let inner = payload.join(", ");
    let whole = format!("{name}({inner}),");
    if (payload.len() == 1 || fits_call(&inner)) && fits(4, &whole) {
        line!(out, 4, "{whole}");
    } else {
        line!(out, 4, "{name}(");
        for ty in payload {
            line!(out, 8, "{ty},");
        }
        line!(out, 4, "),");
    }
}

/// Writes `let name = callee(arguments);`.
pub(super) fn let_call(
    out: &mut String,
    indent: usize,
    name: &str,
    callee: &str,
    arguments: &[String],
) {
    let inner = arguments.join(", ");
    let whole = format!("let {name} = {callee}({inner});");
    let alone = format!("{callee}({inner});");
    if fits_call(&inner) && !fits(indent, &whole) && fits(indent + 4, &alone) {
        line!(out, indent, "let {name} =");
        line!(out, indent + 4, "{alone}");
    } else {
        call(
            out,
            indent,
            &format!("let {name} = {callee}"),
            arguments,
            ";",
        );
    }
}

/// Writes a sum of lengths as the value of a block.
pub(super) fn sum(out: &mut String, indent: usize, parts: &[String]) {
    match parts {
        [] => line!(out, indent, "0"),
        [part] => line!(out, indent, "{part}"),
        parts => {
            let inner = parts.join(", ");
            let whole = format!("::fairway_xdr::sum([{inner}])");
            if fits_call(&inner) && fits(indent, &whole) {
                line!(out, indent, "{whole}");
            } else {
                line!(out, indent, "::fairway_xdr::sum([");
                for part in parts {
                    line!(out, indent + 4, "{part},");
                }
                line!(out, indent, "])");
            }
        }
    }
}

/// Writes `#[derive(…)]`.
pub(super) fn derive(out: &mut String, traits: &[&str]) {
    let inner = traits.join(", ");
    if inner.len() <= ATTRIBUTE_WIDTH {
        line!(out, 0, "#[derive({inner})]");
        return;
    }
    line!(out, 0, "#[derive(");
    let mut text = String::new();
    for name in traits {
        if !text.is_empty() && !fits(4, &format!("{text} {name},")) {
            line!(out, 4, "{text}");
            text.clear();
        }
        let space = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{space}{name},");
    }
    line!(out, 4, "{text}");
    line!(out, 0, ")]");
}

/// A number, its digits grouped as Rust's style asks.
pub(super) fn number(value: i128, hex: bool) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = if hex {
        format!("{:x}", value.unsigned_abs())
    } else {
        value.unsigned_abs().to_string()
    };
    let group = if hex { 4 } else { 3 };
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len() - at;
        if at > 0 && left % group == 0 && digits.len() > 4 {
            out.push('_');
        }
        out.push(digit);
    }
    format!("{sign}{}{out}", if hex { "0x" } else { "" })
}
